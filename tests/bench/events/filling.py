"""Fill a migrated database with events: see `filling.sql`."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

ALBUMS = 200
LARGEST = "album-1"
LARGEST_SHARE = 0.1
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_INDEXES = (
    "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
    "WHERE indrelid = 'album_event'::regclass"
)


PARTS = ("albums", "events", "bibs", "faces_of_people")


def fill(conninfo: str, count: int, *, only: Sequence[str] = PARTS) -> float:
    """Add `count` events to an empty log; return how many seconds that took."""
    _, *pieces = _NAME.split(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    statements = dict(zip(pieces[::2], pieces[1::2], strict=True))
    largest = int(count * LARGEST_SHARE)
    values = {"albums": ALBUMS, "largest": largest, "other": (count - largest) // (ALBUMS - 1)}
    start = time.perf_counter()
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")  # without foreign keys: there are no photos
        conn.execute("SET work_mem = '512MB'")
        conn.execute("SET synchronous_commit = off")
        indexes = conn.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            conn.execute(f"DROP INDEX {name}")  # type: ignore[call-overload]
        conn.execute(statements["partitions"])  # type: ignore[call-overload]
        conn.execute("ALTER TABLE person_face ENABLE ALWAYS TRIGGER photos_counted_after_insert")
        for name in only:
            conn.execute(statements[name], values)  # type: ignore[call-overload]
        for _, definition in indexes:
            conn.execute(definition.replace(" ON ONLY ", " ON "))  # of all partitions
        conn.execute("SELECT setval('album_event_position', (SELECT max(position) FROM album_event))")
        conn.execute("VACUUM ANALYZE")
    return time.perf_counter() - start
