"""Record events in the transaction of the fact that they tell; statements in `sql/events.sql`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent

_query = Statements("events")


def record_events(conn: Connection, album_id: int, events: Iterable[AlbumEvent]) -> int:
    """Record facts of one album, and return how many are new; call it last, because readers wait for the commit."""
    recorded = 0
    for event in sorted(
        events, key=lambda event: event.id
    ):  # in one order, so that no two transactions block each other
        row = conn.execute(_query("record"), _values(album_id, event)).fetchone()
        recorded += row is not None and row[0] is not None
    return recorded


def _values(album_id: int, event: AlbumEvent) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "type": event.type.value,
        "album_id": album_id,
        "occurred_at": event.occurred_at,
        "photo_id": None if event.photo_id is None else as_uuid(event.photo_id),
        "generation": event.generation,
        "person_ids": [as_uuid(person_id) for person_id in event.person_ids],
        "batch_id": None if event.batch_id is None else as_uuid(event.batch_id),
        "folder": event.folder,
        "camera": event.camera,
        "data": Jsonb(dict(event.data)),
    }
