"""Reading the event log of many albums, writing to it from many places, and what recording adds to a photo's commit.

    python tests/bench/events/run.py [--count 10000000] [--repeats 100] [--report docs/benchmarks/events.md]

In a Postgres of its own, which is removed afterwards; `filling.sql` says what the log has. Needs about 1 KB an event on
disk.
"""

from __future__ import annotations

import hashlib
import os
import platform
import random
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Annotated
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import psycopg
import typer

from bench.events.commits import commits
from bench.events.filling import LARGEST, fill
from bench.events.writers import write_and_read
from bench.search.database import server
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.domain.album_event import EventFilter, EventType

BAR_MS = 50
PAGE = 100
Row = tuple[str, str, str, str]


def main(
    count: Annotated[int, typer.Option(help="Events in the log.", min=10_000)] = 10_000_000,
    repeats: Annotated[int, typer.Option(help="Of every query.", min=1)] = 100,
    report: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-events-") as folder, server(Path(folder)) as conninfo:
        os.chmod(folder, 0o755)
        seconds = fill(conninfo, count)
        rows: list[Row] = [("loaded, with indexes", f"{seconds:,.0f} s", "", "")]
        rows += [("bytes an event, with indexes", f"{_bytes(conninfo) / count:,.0f} B", "", "")]
        database = Database(conninfo)
        rows += queries(PgEventLog(database), repeats, count)
        database.close()
        rows += write_and_read(conninfo)
        rows += commits(conninfo)
    text = _report(rows, count, load_before)
    print(text)
    if report is not None:
        report.write_text(text, encoding="utf-8")
    if any(met == "no" for *_, met in rows):
        raise typer.Exit(1)


def queries(log: PgEventLog, repeats: int, count: int) -> list[Row]:
    """Time pages of the largest album, each with other values; the cursor of later pages is anywhere in the log."""
    rng = random.Random(7)
    begin = datetime.now(UTC) - timedelta(hours=30)

    def anywhere() -> int:
        return rng.randrange(int(count * 0.8), count)  # where the album's events are

    def moment() -> datetime:
        return begin + timedelta(hours=rng.uniform(0, 11))

    def some_person() -> str:
        return str(UUID(hashlib.md5(f"1person{rng.randrange(2000)}".encode()).hexdigest()))

    def done_and(**more: object) -> EventFilter:
        return EventFilter(types=frozenset({EventType.PHOTO_DONE}), **more)  # type: ignore[arg-type]

    def first() -> int:
        return 0

    later = anywhere
    failed, merged = EventType.PHOTO_FAILED, EventType.PERSON_MERGED
    asked: list[tuple[str, Callable[[], EventFilter], Callable[[], int]]] = [
        ("first page", EventFilter, first),
        ("later page", EventFilter, later),
        ("type", lambda: EventFilter(types=frozenset({failed})), later),
        ("two types", lambda: EventFilter(types=frozenset({failed, merged})), later),
        ("folder", lambda: EventFilter(folder=f"cam{rng.randrange(8)}"), later),
        ("camera", lambda: EventFilter(camera=f"Camera {rng.randrange(8)}"), later),
        ("bib", lambda: EventFilter(bib=str(rng.randrange(5000))), first),
        ("person", lambda: EventFilter(person_id=some_person()), first),
        ("time, five minutes", lambda: _window(moment(), minutes=5), first),
        ("time, from then on", lambda: EventFilter(occurred_from=moment()), first),
        ("time, until then", lambda: EventFilter(occurred_before=moment()), later),
        ("type and folder", lambda: done_and(folder=f"cam{rng.randrange(8)}"), later),
        ("type and time", lambda: done_and(occurred_from=moment()), first),
        ("bib and type", lambda: done_and(bib=str(rng.randrange(5000))), first),
        ("nothing matches: type", lambda: EventFilter(types=frozenset({EventType.BATCH_EXPIRED})), first),
        ("nothing matches: folder", lambda: EventFilter(folder="cam9"), first),
        ("nothing matches: folder and camera", lambda: EventFilter(folder="cam1", camera="Camera 9"), first),
        (
            "nothing matches: type and folder",
            lambda: EventFilter(types=frozenset({failed}), folder="cam1"),  # every failed photo is in another
            first,
        ),
        ("nothing matches: bib", lambda: EventFilter(bib="99999"), first),
        ("nothing matches: time", lambda: _window(begin - timedelta(days=5), minutes=60), first),
    ]
    rows: list[Row] = []
    for name, wanted, after in asked:
        times = []
        for _ in range(repeats):
            query, position = wanted(), after()
            start = perf_counter()
            log.page(LARGEST, query, after=position, limit=PAGE)
            times.append(perf_counter() - start)
        rows.append(_timed(name, times))
    for name, wanted in (("newest first", EventFilter), ("newest first, folder", lambda: EventFilter(folder="cam3"))):
        times = []
        for _ in range(repeats):
            start = perf_counter()
            log.newest(LARGEST, wanted(), before=None, limit=PAGE)
            times.append(perf_counter() - start)
        rows.append(_timed(name, times))
    return rows


def _window(start: datetime, *, minutes: float) -> EventFilter:
    return EventFilter(occurred_from=start, occurred_before=start + timedelta(minutes=minutes))


def _timed(name: str, seconds: list[float]) -> Row:
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    return (name, f"{p50:.1f} / {p95:.1f} ms", f"p95 ≤ {BAR_MS} ms", "yes" if p95 <= BAR_MS else "no")


def _bytes(conninfo: str) -> int:
    with psycopg.connect(conninfo) as conn:
        row = conn.execute(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'album_event'::regclass"
        ).fetchone()
    assert row is not None, "an aggregate returns one row"
    return int(row[0])


def _report(rows: list[Row], count: int, load_before: float) -> str:
    head = f"""# The event log

{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; last run \
{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; load average {load_before:.2f} before, {os.getloadavg()[0]:.2f} after; made by \
`make bench-events`. {count:,} events of 200 albums over a year, a tenth of them in the album that is asked; pages of \
{PAGE} events; p50 / p95. Database, writers and readers share the machine.

|what|measured|bar|met|
|---|---|---|---|
"""
    return head + "".join(f"|{'|'.join(row)}|\n" for row in rows)


if __name__ == "__main__":
    typer.run(main)
