"""A real Postgres with pgvector for the test session, and a separate database for every test that needs one.

Import the fixtures that a module uses; there is one server, however many modules do so.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from photofinish.adapters.postgres.granting import Rights
from photofinish.adapters.postgres.migrating import migrate
from photofinish_emulators.postgres import READY_LINE, STOP_SIGNAL, Postgres, as_user, system_user
from support.ports import free_port

START_TIMEOUT_S = 30
_TEMPLATE = "photofinish_template"
# Named as Cloud SQL names the users of service accounts.
FUNCTION_USER = "fn-api@template.iam"
DELIVERING_USER = "fn-deliver-webhooks@template.iam"
LIVE_USER = "fn-live@template.iam"
_RIGHTS = {FUNCTION_USER: Rights.ADMINISTRATION, DELIVERING_USER: Rights.WEBHOOKS, LIVE_USER: Rights.LIVE}
_PASSWORD = "of-a-function"
_numbers = itertools.count(1)


@functools.cache
def postgres_server() -> str:
    """The administrator's connection string; the server and its data are deleted when this process ends.

    `TEST_POSTGRES_URL` names a server that runs already, such as one with another version of pgvector.
    """
    if given := os.environ.get("TEST_POSTGRES_URL"):
        return given
    folder = Path(tempfile.mkdtemp(prefix="photofinish-postgres-"))
    server = Postgres(directory=folder, port=free_port())
    server.prepare()
    # No data outlives the session, so there is no need to wait for the disk.
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*server.command(), "-c", "fsync=off"], stdout=log, stderr=log, cwd=server.data, **as_user(system_user())
        )
    atexit.register(_stop, process, folder)
    deadline = time.monotonic() + START_TIMEOUT_S
    while READY_LINE not in (output := (folder / "log").read_text()):
        assert process.poll() is None, f"Postgres did not start: {output}"
        assert time.monotonic() < deadline, f"Postgres is not ready after {START_TIMEOUT_S} s: {output}"
        time.sleep(0.02)
    return server.url("postgres")


def _stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.send_signal(STOP_SIGNAL)
    process.wait(timeout=START_TIMEOUT_S)
    shutil.rmtree(folder)


@functools.cache
def migrated_template() -> str:
    """A migrated database, of which others are copies, which is faster than migrating each.

    `TEST_POSTGRES_TEMPLATE` names one that the server has already.
    """
    if given := os.environ.get("TEST_POSTGRES_TEMPLATE"):
        return given
    administer(f"CREATE DATABASE {_TEMPLATE}")
    for user in _RIGHTS:
        administer(f'DROP ROLE IF EXISTS "{user}"')
        administer(f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{_PASSWORD}'")
    migrate(make_conninfo(postgres_server(), dbname=_TEMPLATE), rights=_RIGHTS)
    return _TEMPLATE


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The connection string of a new database without migrations; dropped afterwards."""
    yield from _database(template="template1")


@pytest.fixture
def database() -> Iterator[str]:
    """The owner's connection string of a new, migrated, empty database; dropped afterwards."""
    yield from _database(template=migrated_template())


@pytest.fixture
def function_database(database: str) -> str:
    """The connection string with which the API connects to `database`: it may do what a function may, and no more."""
    return make_conninfo(database, user=FUNCTION_USER, password=_PASSWORD)


@pytest.fixture
def delivering_database(database: str) -> str:
    """The same for the function that delivers to webhooks."""
    return make_conninfo(database, user=DELIVERING_USER, password=_PASSWORD)


def url_of(database: str, user: str) -> str:
    """The connection string of a function's user in a migrated `database`."""
    return make_conninfo(database, user=user, password=_PASSWORD)


def _database(*, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"  # several processes may share a server
    administer(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield make_conninfo(postgres_server(), dbname=name)
    administer(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def fresh_database() -> Iterator[str]:
    """Like the fixture `database`, for fixtures of a wider scope."""
    yield from _database(template=migrated_template())


def administer(statement: str) -> None:
    _administrator().execute(statement)


@functools.cache
def _administrator() -> psycopg.Connection:
    """One connection for all databases that this process makes: a login takes as long as a small test."""
    return psycopg.connect(postgres_server(), autocommit=True)
