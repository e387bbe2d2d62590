"""Writers and readers of the log at once: whether every event is read once, and how long after its commit."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np
import psycopg

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType

WRITERS = 8
READERS = 2
EVENTS_PER_S = 200
DURATION_S = 30
MIN_RATE = 100
READ_EVERY_S = 0.05
ALBUM = "album-1"


@dataclass
class Reader:
    """Reads from where it started, page after page."""

    log: PgEventLog
    position: int
    read_at: dict[UUID, float] = field(default_factory=dict)
    doubled: int = 0

    def run(self, ended: threading.Event) -> None:
        while True:
            is_last = ended.is_set()
            page = self.log.page(ALBUM, EventFilter(), after=self.position, limit=500)
            now = time.perf_counter()
            for one in page.events:
                self.doubled += one.event.id in self.read_at
                self.read_at[one.event.id] = now
            self.position = page.position
            if is_last and not page.events:
                return
            ended.wait(READ_EVERY_S)


def write_and_read(conninfo: str) -> list[tuple[str, str, str, str]]:
    """Each writer holds its transaction open for a random time after it recorded, and rolls one in ten back."""
    database = Database(conninfo, max_connections=READERS)
    log = PgEventLog(database)
    head = log.head()
    readers = [Reader(log, head) for _ in range(READERS)]
    committed_at: dict[UUID, float] = {}
    ended = threading.Event()
    reading = [threading.Thread(target=reader.run, args=[ended]) for reader in readers]
    writing = [threading.Thread(target=_write, args=[conninfo, seed, committed_at]) for seed in range(WRITERS)]
    start = time.perf_counter()
    for thread in (*reading, *writing):
        thread.start()
    for thread in writing:
        thread.join()
    rate = len(committed_at) / (time.perf_counter() - start)
    ended.set()
    for thread in reading:
        thread.join()
    database.close()
    lags = np.array(
        [reader.read_at[id_] - at for reader in readers for id_, at in committed_at.items() if id_ in reader.read_at]
    )
    missed = sum(id_ not in reader.read_at for reader in readers for id_ in committed_at)
    unknown = sum(id_ not in committed_at for reader in readers for id_ in reader.read_at)
    doubled = sum(reader.doubled for reader in readers)
    p50, p95 = np.percentile(lags * 1000, [50, 95])
    return [
        (f"{WRITERS} writers", f"{rate:.0f} events/s", f"≥ {MIN_RATE} events/s", _met(rate >= MIN_RATE)),
        (f"{READERS} readers: events missed", str(missed), "0", _met(missed == 0)),
        (
            f"{READERS} readers: events doubled or rolled back",
            str(doubled + unknown),
            "0",
            _met(doubled + unknown == 0),
        ),
        (f"from commit to reader, who asks every {READ_EVERY_S * 1000:.0f} ms", f"{p50:.0f} / {p95:.0f} ms", "", ""),
    ]


def _write(conninfo: str, seed: int, committed_at: dict[UUID, float]) -> None:
    rng = np.random.default_rng(seed)
    until = time.perf_counter() + DURATION_S
    with psycopg.connect(conninfo) as conn:
        album_id = use_album(conn, ALBUM)
        conn.commit()
        while time.perf_counter() < until:
            began = time.perf_counter()
            now = datetime.now(UTC)
            event = AlbumEvent(id=uuid4(), type=EventType.PHOTO_DONE, album=ALBUM, occurred_at=now, folder="cam1")
            record_events(conn, album_id, [event])
            conn.execute("SELECT pg_sleep(%s)", [float(rng.exponential(0.005))])
            if rng.random() < 0.1:
                conn.rollback()
            else:
                conn.commit()
                committed_at[event.id] = time.perf_counter()
            time.sleep(max(0.0, began + WRITERS / EVENTS_PER_S - time.perf_counter()))


def _met(is_met: bool) -> str:
    return "yes" if is_met else "no"
