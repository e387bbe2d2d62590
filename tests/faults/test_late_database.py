"""The network to the database appears after the program has started: nothing fails that could wait."""

from __future__ import annotations

import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import psycopg
import pytest
from flask.testing import FlaskClient

from photofinish import wiring
from photofinish.adapters.postgres.connecting import connect
from photofinish.adapters.postgres.database import Database
from photofinish.errors import Unavailable
from photofinish.settings import Settings
from photofinish_functions import entry_points, serving
from support.late_postgres import LatePostgres
from support.postgres import database, empty_database  # noqa: F401
from support.waiting import DEADLINE_S, wait_until

SETTINGS = {
    "GOOGLE_CLOUD_PROJECT": "p",
    "PHOTOFINISH_REGION": "r",
    "PHOTOFINISH_PHOTO_BUCKET": "photos",
    "PHOTOFINISH_DERIVED_BUCKET": "derived",
    "PHOTOFINISH_DATABASE_WAIT_S": str(DEADLINE_S),
}


@pytest.fixture
def late(database: str) -> Iterator[LatePostgres]:  # noqa: F811
    with LatePostgres(database).serving() as late:
        yield late


@pytest.fixture
def environment(late: LatePostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (SETTINGS | {"DATABASE_URL": late.url}).items():
        monkeypatch.setenv(name, value)
    wiring.app.cache_clear()
    yield
    if wiring.app.cache_info().currsize:
        wiring.app()._database.close()
    wiring.app.cache_clear()


def test_migrate_waits(empty_database: str) -> None:  # noqa: F811
    with LatePostgres(empty_database).serving() as late:
        command = [sys.executable, "-m", "photofinish_cli", "migrate"]
        environment = os.environ | SETTINGS | {"DATABASE_URL": late.url}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as migrating:
            wait_until(lambda: late.attempts >= 2, "migrate tried again")
            late.arrive()
            output, _ = migrating.communicate(timeout=DEADLINE_S)
    assert migrating.returncode == 0, output.decode()
    with psycopg.connect(empty_database) as conn:
        assert conn.execute("SELECT count(*) > 5 FROM schema_migration").fetchone() == (True,)


def test_a_task_waits_before_it_takes_photos(late: LatePostgres, environment: None) -> None:
    app = wiring.App(Settings.from_env())
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(app.await_database)
        wait_until(lambda: late.attempts >= 2, "the task tried again")
        assert not waiting.done()
        late.arrive()
        waiting.result(DEADLINE_S)
    app._database.close()


def test_only_the_first_connection_may_take_long(late: LatePostgres) -> None:
    late.arrive()
    database = Database(late.url, connection_timeout_s=0.3, first_connection_timeout_s=DEADLINE_S)  # noqa: F811
    with database.transaction() as conn:
        conn.execute("SELECT 1")
    late._arrived.clear()
    with pytest.raises(Unavailable), database.transaction() as one, database.transaction():
        one.execute("SELECT 1")
    database.close()


def test_an_instance_gets_requests_when_its_database_answers(
    late: LatePostgres, environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = function("expire", monkeypatch)
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_json()) == (503, {"status": "unavailable"})
    assert late.attempts == 1, "the probe asks again, not the function"
    late.arrive()
    assert client.get("/ready").status_code == 200


def test_a_function_without_a_database_is_ready_at_once(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert function("on_object_finalized", monkeypatch).get("/ready").status_code == 200


def function(target: str, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("FUNCTION_TARGET", target)
    monkeypatch.setenv("FUNCTION_SOURCE", entry_points.__file__)
    return serving.create_app().test_client()


class AskForPassword(socketserver.StreamRequestHandler):
    """A Postgres that wants a password and refuses it."""

    served: ClassVar[list[bool]] = []

    def handle(self) -> None:
        self.served.append(True)
        while True:
            length = int.from_bytes(self.rfile.read(4), "big")
            if self.rfile.read(length - 4)[:4] != (80877103).to_bytes(4, "big"):
                break
            self.wfile.write(b"N")  # no TLS
        self.wfile.write(b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big"))
        self.rfile.read(1)
        self.rfile.read(int.from_bytes(self.rfile.read(4), "big") - 4)
        error = b"SFATAL\0C28P01\0Mpassword authentication failed\0\0"
        self.wfile.write(b"E" + (len(error) + 4).to_bytes(4, "big") + error)


def test_a_wrong_password_is_reported_at_once() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), AskForPassword) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        url = f"postgresql://me:wrong@127.0.0.1:{server.server_address[1]}/photofinish"
        with pytest.raises(psycopg.OperationalError, match="password"):
            connect(url, wait_s=DEADLINE_S)
        server.shutdown()
    assert len(AskForPassword.served) == 1
