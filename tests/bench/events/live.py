"""A thousand live streams in one instance while photos come in: latency from event to client, memory, nothing lost.

``python tests/bench/events/live.py [--connections 1000] [--photos-per-s 50] [--seconds 30] [--chart FILE.svg]`` prints
a row of docs/benchmarks/live.md, and draws the latency of every second. The function, Postgres, the writer and all
clients share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import psycopg

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.events.live_chart import Second, latency_chart
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.domain.access import RateLimit
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from support.access import new_key, pg_access
from support.live_server import LiveServer
from support.postgres import LIVE_USER, fresh_database, url_of

ALBUM = "race"
MIB = 2**20
TIMED_ONE_IN = 20
"""Reading ids of all connections would keep the clients busy, so the latency of one in twenty is measured."""
OPENED_AT_ONCE = 50
SETTLE_S = 60.0
BAR_MS = 500.0
_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)


@dataclass
class Load:
    """What all clients together got."""

    events: int = 0
    received_at: list[tuple[int, float]] = field(default_factory=list)
    """Position and time of arrival, at the clients that are timed."""
    ended: int = 0


def write(conninfo: str, photos_per_s: float, seconds: float) -> None:
    """Record two events for each photo, at an even rate."""
    with closing(Database(conninfo)) as database:
        log = PgEventLog(database)
        began = time.monotonic()
        for number in range(round(photos_per_s * seconds)):
            time.sleep(max(0.0, began + number / photos_per_s - time.monotonic()))
            for type_ in (EventType.PHOTO_QUEUED, EventType.PHOTO_DONE):
                fact = fact_id(type_, number)
                log.append([AlbumEvent(id=fact, type=type_, album=ALBUM, occurred_at=datetime.now(UTC))])


async def listen(port: int, key: str, load: Load, *, is_timed: bool, opened: asyncio.Semaphore) -> None:
    async with opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        path = f"/v1/albums/{ALBUM}/events/stream"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: live\r\nX-Api-Key: {key}\r\n\r\n".encode())
        head = await reader.readuntil(b"event: start\n")
        assert b" 200 " in head[:20], head
        await reader.readuntil(b"\n\n")
    rest = b""
    while content := await reader.read(65536):
        now = time.time()
        content = rest + content
        end = content.rfind(b"\n") + 1
        rest = content[end:]
        if is_timed:
            found = _ID.findall(content, 0, end)
            load.received_at += [(int(position), now) for position in found]
            load.events += len(found)
        else:
            load.events += content.count(b"\nid: ", 0, end) + content.startswith(b"id: ")
    load.ended += 1


async def measure(server: LiveServer, owner: str, key: str, arguments: argparse.Namespace) -> tuple[Load, float, float]:
    """Return what clients got, the memory of the instance, and the processor time it took a second."""
    load, opened = Load(), asyncio.Semaphore(OPENED_AT_ONCE)
    clients = [
        asyncio.create_task(
            listen(server.port, key, load, is_timed=number % TIMED_ONE_IN == 0, opened=opened),
        )
        for number in range(arguments.connections)
    ]
    while _connections(server) < arguments.connections:
        await asyncio.sleep(0.1)
    writer = multiprocessing.get_context("spawn").Process(
        target=write, args=(owner, arguments.photos_per_s, arguments.seconds)
    )
    before, began = _processor_s(server), time.monotonic()
    writer.start()
    expected = 2 * round(arguments.photos_per_s * arguments.seconds) * arguments.connections
    deadline = time.monotonic() + arguments.seconds + SETTLE_S
    while (writer.is_alive() or load.events < expected) and time.monotonic() < deadline and not load.ended:
        await asyncio.sleep(0.1)
    processor_share = (_processor_s(server) - before) / (time.monotonic() - began)
    # Buffers are never given back, so this is about the most that was needed; measuring it would delay the clients.
    used_bytes = sum(process.memory_full_info().pss for process in server.processes())
    writer.join()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    if load.events != expected or load.ended:
        raise SystemExit(
            f"{load.events} events of {expected} arrived, {load.ended} streams ended; {server.log[-2000:]}"
        )
    return load, used_bytes / MIB, processor_share


def _connections(server: LiveServer) -> int:
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == server.port
        for process in server.processes()[1:]
        for connection in process.net_connections("tcp")
    )


def _processor_s(server: LiveServer) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in server.processes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--photos-per-s", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--chart", type=Path, help="Draw the latency of every second into this SVG.")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    load_before = os.getloadavg()[0]
    with fresh_database() as owner, tempfile.TemporaryDirectory() as folder:
        with pg_access(owner) as access:
            key = new_key(access, rate=RateLimit(per_second=10_000, burst=10_000)).text
        server = LiveServer(url_of(owner, LIVE_USER), Path(folder))
        server.start()
        try:
            load, memory_mib, processor_share = asyncio.run(measure(server, owner, key, arguments))
            with psycopg.connect(owner) as conn:
                happened = dict(conn.execute("SELECT position, extract(epoch FROM occurred_at) FROM album_event"))
        finally:
            server.stop()
    latency_ms = [1000 * (at - float(happened[position])) for position, at in load.received_at]
    p50, p95 = np.percentile(latency_ms, [50, 95])
    of_second: dict[int, list[float]] = defaultdict(list)
    for (_, at), latency in zip(load.received_at, latency_ms, strict=True):
        of_second[int(at)].append(latency)
    usual_p95 = np.median([np.percentile(latencies, 95) for latencies in of_second.values()])
    print("|connections|photos/s|events told|p50|p95|p95, median second|memory (bar 512 MiB)|processor|load average|")
    print("|---|---|---|---|---|---|---|---|---|")
    print(
        f"|{arguments.connections:,}|{arguments.photos_per_s:g}|{load.events:,}"
        f"|{p50:.0f} ms|{p95:.0f} ms|{usual_p95:.0f} ms|"
        f"{memory_mib:.0f} MiB|{processor_share:.2f} CPU|{load_before:.1f}, {os.getloadavg()[0]:.1f}|"
    )
    if arguments.chart is not None:
        first = min(of_second)
        seconds = [
            Second(second - first, *np.percentile(latencies, [50, 95]))
            for second, latencies in sorted(of_second.items())
        ]
        title = (
            f"Event to client: {arguments.photos_per_s * arguments.seconds:,.0f} photos, "
            f"{arguments.connections:,} listeners; load average {load_before:.1f} to {os.getloadavg()[0]:.1f}"
        )
        arguments.chart.write_text(latency_chart(seconds, title=title, bar_ms=BAR_MS), encoding="utf-8")


if __name__ == "__main__":
    main()
