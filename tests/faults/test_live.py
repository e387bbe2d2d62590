"""Readers of live streams lose no event and get none twice, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.migrating import migrate
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.errors import Unavailable
from photofinish_emulators.postgres import READY_LINE, Postgres, as_user, system_user
from support.access import new_key, pg_access
from support.live_server import LiveServer
from support.ports import free_port
from support.waiting import wait_until

CLIENTS = Path(__file__).parents[1] / "clients"
PHOTOS = 300


class KillablePostgres:
    """A server whose data survive kill -9."""

    def __init__(self, folder: Path) -> None:
        self._server = Postgres(directory=folder, port=free_port())
        self._log = folder / "log"

    def url(self, database: str = "photofinish") -> str:
        return self._server.url(database)

    def start(self) -> None:
        self._server.prepare()
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self._server.command(), stdout=log, stderr=log, cwd=self._server.data, **as_user(system_user())
            )
        wait_until(lambda: READY_LINE in self._log.read_text(), "Postgres is ready")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[KillablePostgres]:
    server = KillablePostgres(tmp_path / "postgres")
    server.start()
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE photofinish")
    migrate(server.url())
    yield server
    server.kill()


@pytest.fixture
def live(postgres: KillablePostgres, tmp_path: Path) -> Iterator[LiveServer]:
    server = LiveServer(postgres.url(), tmp_path)
    server.start()
    yield server
    server.stop()


class SocketReader:
    """Reads an album over a WebSocket, and resumes whenever the connection ends."""

    def __init__(self, url: str, key: str) -> None:
        self.got: list[str] = []
        self._url = url.replace("http", "ws") + "/v1/events/ws"
        self._headers = {"X-Api-Key": key}
        self._position = "0"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._stopped.is_set():
            with (
                suppress(ConnectionClosed, InvalidHandshake, OSError),
                connect(self._url, additional_headers=self._headers) as socket,
            ):
                socket.send(json.dumps({"action": "subscribe", "album": "race", "after": self._position}))
                while not self._stopped.is_set():
                    with suppress(TimeoutError):
                        self._take(json.loads(socket.recv(timeout=0.1)))

    def _take(self, message: dict[str, Any]) -> None:
        for event in message.get("events", ()):
            self.got.append(event["id"])
            self._position = str(int(event["sequence"]))


def test_no_event_is_lost_or_doubled_though_the_function_and_the_database_are_killed(
    postgres: KillablePostgres, live: LiveServer, tmp_path: Path
) -> None:
    with pg_access(postgres.url()) as access:
        key = new_key(access).text
    environment = os.environ | {"PHOTOFINISH_LIVE_URL": live.url, "PHOTOFINISH_API_KEY": key, "RETRY_S": "0.1"}
    programs = {"python": [sys.executable, str(CLIENTS / "live_listener.py"), "race", "0"]}
    if node := shutil.which("node"):
        programs["node"] = [node, str(CLIENTS / "live_listener.mjs"), "race", "0"]
    processes = []
    for name, argv in programs.items():
        with (tmp_path / name).open("w") as output:
            processes.append(subprocess.Popen(argv, env=environment, stdout=output))
    socket = SocketReader(live.url, key)
    faults = {60: live.kill, 90: live.start, 150: postgres.kill, 151: postgres.start, 210: live.stop, 240: live.start}
    try:
        with closing(Database(postgres.url())) as database:
            log = PgEventLog(database)
            for number in range(PHOTOS):
                if number in faults:
                    faults[number]()
                if number != 150:  # nothing can be recorded while the database is away
                    record(log, number)
        with psycopg.connect(postgres.url()) as conn:
            recorded = [str(row[0]) for row in conn.execute("SELECT event_id FROM album_event ORDER BY position")]
        assert len(recorded) == 2 * (PHOTOS - 1)
        for name in programs:
            assert wait_until(lambda name=name: len(printed := ids(tmp_path / name)) >= len(recorded) and printed, name)
            assert ids(tmp_path / name) == recorded, name
        wait_until(lambda: len(socket.got) >= len(recorded), "the WebSocket has told everything")
        assert socket.got == recorded
    finally:
        for process in processes:
            process.kill()
            process.wait()
        socket.stop()


def record(log: PgEventLog, number: int) -> None:
    """Record that a photo was queued and done, as often as it takes: recording it again changes nothing."""
    for type_ in (EventType.PHOTO_QUEUED, EventType.PHOTO_DONE):
        event = AlbumEvent(id=fact_id(type_, number), type=type_, album="race", occurred_at=datetime.now(UTC))
        wait_until(lambda event=event: recorded(log, event), "the event is recorded")


def recorded(log: PgEventLog, event: AlbumEvent) -> bool:
    with suppress(Unavailable):
        log.append([event])
        return True
    return False


def ids(output: Path) -> list[str]:
    lines = output.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line)["id"] for line in lines if line.endswith("\n")]
