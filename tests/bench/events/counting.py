"""Statistics of the largest album in a large event log: reading them, counting on, and what the queue reads.

    python tests/bench/events/counting.py [--count 10000000] [--repeats 50] [--report docs/benchmarks/statistics.md]
        [--only-people]

In a Postgres of its own, which is removed afterwards, filled as by `run.py`. Needs about 1 KB an event on disk.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Annotated

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import psutil
import psycopg
import typer

from bench.events.filling import LARGEST, fill
from bench.search.database import server
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.statistics import PgStatistics
from photofinish.application.album_statistics import COUNTED_AT_ONCE
from photofinish.application.queue import NEWEST_EVENTS
from photofinish.domain.album_event import EventFilter

BAR_MS = 100
_AGGREGATE = """
SELECT date_trunc('hour', occurred_at), count(DISTINCT photo_id), sum((data ->> 'faces')::int),
    percentile_disc(0.95) WITHIN GROUP (ORDER BY (data ->> 'upload_to_result_s')::float)
FROM album_event JOIN album USING (album_id)
WHERE name = %s AND type IN ('photo.done', 'photo.rejected', 'photo.failed')
GROUP BY 1
"""
_FACES = "SELECT count(*) FROM person_face JOIN album USING (album_id) WHERE name = %s"
Row = tuple[str, str, str, str]


def main(
    count: Annotated[int, typer.Option(help="Events in the log.", min=10_000)] = 10_000_000,
    repeats: Annotated[int, typer.Option(help="Of every read.", min=1)] = 50,
    report: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
    only_people: Annotated[bool, typer.Option(help="Measure the rows of people alone, and replace them.")] = False,
) -> None:
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-statistics-") as folder, server(Path(folder)) as conninfo:
        os.chmod(folder, 0o755)
        database = Database(conninfo, max_connections=1)
        if only_people:
            fill(conninfo, count, only=("albums", "faces_of_people"))
            rows = people_rows(
                conninfo, database, repeats, f" ({datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {load_before:.0f})"
            )
            database.close()
            _replace_people(rows, report)
            return
        fill(conninfo, count)
        rows = measured(conninfo, database, repeats)
        database.close()
    head = f"""# Statistics

{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; last run \
{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; load average {load_before:.2f} before, {os.getloadavg()[0]:.2f} after; made by \
`make bench-statistics`. {count:,} events of 200 albums over a year, a tenth of them in \
the album that is asked; p50 / p95.

|what|measured|bar|met|
|---|---|---|---|
"""
    text = head + "".join(f"|{'|'.join(row)}|\n" for row in rows)
    print(text)
    if report is not None:
        report.write_text(text, encoding="utf-8")
    if any(met == "no" for *_, met in rows):
        raise typer.Exit(1)


def measured(conninfo: str, database: Database, repeats: int) -> list[Row]:
    """Count the album, then read it; the last row is the same hours from the log itself."""
    statistics, log = PgStatistics(database), PgEventLog(database)
    counting = []
    is_complete = False
    while not is_complete:
        start = perf_counter()
        is_complete = statistics.count(LARGEST, limit=COUNTED_AT_ONCE)
        counting.append(perf_counter() - start)
    found = statistics.read(LARGEST)
    assert found is not None
    with psycopg.connect(conninfo, autocommit=True) as conn:
        start = perf_counter()
        conn.execute(_AGGREGATE, [LARGEST]).fetchall()
        plain_s = perf_counter() - start
        conn.execute("VACUUM ANALYZE album_statistics, counted_photo")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    reads = _times(lambda: (statistics.count(LARGEST, limit=COUNTED_AT_ONCE), statistics.read(LARGEST)), repeats)
    ratio = plain_s / float(np.median(reads))
    return [
        (f"count {found.total.photos:,} results", f"{sum(counting):.1f} s", "", ""),
        _timed(f"count {COUNTED_AT_ONCE:,} more", counting[:-1]),
        _timed("read, with nothing new", reads),
        *people_rows(conninfo, database, repeats),
        _timed("queue: failures of a day", _times(lambda: statistics.failures(yesterday), repeats)),
        _timed(
            f"queue: newest {NEWEST_EVENTS:,} events",
            _times(lambda: log.newest(None, EventFilter(), before=None, limit=NEWEST_EVENTS), repeats),
        ),
        ("hours of the album from the log itself", f"{plain_s * 1000:.0f} ms ({ratio:.0f} × a read)", "", ""),
    ]


def _times(action: Callable[[], object], repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        start = perf_counter()
        action()
        times.append(perf_counter() - start)
    return times


def people_rows(conninfo: str, database: Database, repeats: int, when: str = "") -> list[Row]:
    """What clustering pays for counting the photos of people, and right after it what reading these counts takes.

    With the time of the database's CPU, which other programs change less.
    """
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")  # as in `fill`; the triggers that count run always
        plain_s = _assigned_in_s(conn, "DISABLE")
        counted_s = _assigned_in_s(conn, "ENABLE ALWAYS")
    with database.transaction() as conn:
        [[faces]] = conn.execute(_FACES, [LARGEST]).fetchall()
        server = psutil.Process(conn.info.backend_pid)  # of the one connection
    before = server.cpu_times()
    times = _times(lambda: PgStatistics(database).people(LARGEST), repeats)
    after = server.cpu_times()
    cpu_ms = (after.user + after.system - before.user - before.system) / repeats * 1000
    name, measured, bar, met = _timed(f"people, read right after all their {faces:,} faces moved{when}", times)
    return [
        (name, f"{measured}; {cpu_ms:.1f} ms of Postgres's CPU", bar, met),
        (
            f"people: move all {faces:,} faces in one statement, and count{when}",
            f"{counted_s:.1f} s ({counted_s / plain_s:.2f} × without counting)",
            "",
            "",
        ),
    ]


def _assigned_in_s(conn: psycopg.Connection, counting: str) -> float:
    """Give every face to another person, with the trigger that counts or without."""
    conn.execute(f"ALTER TABLE person_face {counting} TRIGGER photos_counted_after_update")  # type: ignore[call-overload]
    conn.execute("VACUUM ANALYZE person_face")
    start = perf_counter()
    conn.execute("UPDATE person_face SET person_id = md5(person_id::text)::uuid")
    return perf_counter() - start


def _replace_people(rows: list[Row], report: Path | None) -> None:
    table = [f"|{'|'.join(row)}|" for row in rows]
    print(*table, sep="\n")
    if report is not None:
        lines = report.read_text(encoding="utf-8").splitlines()
        first = next(number for number, line in enumerate(lines) if line.startswith("|people"))
        lines = [line for line in lines if not line.startswith("|people")]
        report.write_text("\n".join([*lines[:first], *table, *lines[first:], ""]), encoding="utf-8")


def _timed(name: str, seconds: list[float]) -> Row:
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    return (name, f"{p50:.1f} / {p95:.1f} ms", f"p95 ≤ {BAR_MS} ms", "yes" if p95 <= BAR_MS else "no")


if __name__ == "__main__":
    typer.run(main)
