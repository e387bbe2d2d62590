"""Migrations against a real Postgres: applied once, in order, whole or not at all, by one process at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from photofinish.adapters.postgres.migrating import Migration, migrate, migrations, pending
from photofinish.adapters.postgres.pgvector_versions import warnings
from photofinish.errors import Misconfigured, Unavailable

ONE = Migration("0001_one.sql", "CREATE TABLE one (n integer); INSERT INTO one VALUES (1)")
TWO = Migration("0002_two.sql", "CREATE TABLE two (n integer)")
BROKEN = Migration("0002_two.sql", "INSERT INTO one VALUES (2); INSERT INTO nowhere VALUES (2)")


@pytest.fixture
def conninfo(empty_database: str) -> str:
    return empty_database


def rows(conninfo: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo) as conn:
        return conn.execute(query).fetchall()


def test_shipped_migrations_are_numbered_without_gaps() -> None:
    assert [int(migration.name[:4]) for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_applies_the_shipped_migrations_once(conninfo: str) -> None:
    names = [migration.name for migration in migrations()]
    assert pending(conninfo) == names
    assert migrate(conninfo) == names
    assert migrate(conninfo) == pending(conninfo) == []
    tables = {row[0] for row in rows(conninfo, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert tables >= {"album", "bib", "embedding_space", "entrant", "face", "photo", "schema_migration"}


def test_migrations_are_read_in_order(tmp_path: Path) -> None:
    for name in ("0010_c.sql", "0002_b.sql", "README.md", "0001_a.sql"):
        (tmp_path / name).write_text(f"SELECT '{name}'", encoding="utf-8")
    assert [migration.name for migration in migrations(tmp_path)] == ["0001_a.sql", "0002_b.sql", "0010_c.sql"]


def test_a_new_migration_is_applied_alone(conninfo: str) -> None:
    assert migrate(conninfo, [ONE]) == [ONE.name]
    assert pending(conninfo, [ONE, TWO]) == [TWO.name]
    assert migrate(conninfo, [ONE, TWO]) == [TWO.name]
    assert rows(conninfo, "SELECT n FROM one") == [(1,)]


def test_a_failed_migration_is_rolled_back_and_earlier_ones_stay(conninfo: str) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        migrate(conninfo, [ONE, BROKEN])
    assert rows(conninfo, "SELECT n FROM one") == [(1,)]
    assert pending(conninfo, [ONE, TWO]) == [TWO.name]
    assert migrate(conninfo, [ONE, TWO]) == [TWO.name]


def test_an_edited_migration_is_named(conninfo: str) -> None:
    migrate(conninfo, [ONE, TWO])
    edited = replace(ONE, statements=ONE.statements + ";")
    for ask in (migrate, pending):
        with pytest.raises(Misconfigured, match=r"0001_one\.sql was edited"):
            ask(conninfo, [edited, TWO])


def test_a_database_of_a_newer_version_is_left_alone(conninfo: str) -> None:
    migrate(conninfo, [ONE, TWO])
    with pytest.raises(Misconfigured, match=r"0002_two\.sql.*newer"):
        migrate(conninfo, [ONE])


def test_concurrent_migrations_apply_everything_once(conninfo: str) -> None:
    start = threading.Barrier(4)

    def run(_: int) -> list[str]:
        start.wait(timeout=10)
        return migrate(conninfo)

    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(run, range(4)))
    assert sorted(applied) == [[], [], [], [migration.name for migration in migrations()]]


def test_an_extension_older_than_the_servers_is_updated(conninfo: str) -> None:
    """As after a maintenance of Cloud SQL, which updates files but no database."""
    migrate(conninfo)
    with psycopg.connect(conninfo) as conn:
        conn.execute("UPDATE pg_extension SET extversion = '0.8.0' WHERE extname = 'vector'")
    assert migrate(conninfo) == []
    in_use, of_server = "installed_version", "default_version"
    assert rows(conninfo, f"SELECT {in_use} = {of_server} FROM pg_available_extensions WHERE name = 'vector'") == [
        (True,)
    ]


def test_an_old_pgvector_is_refused(conninfo: str) -> None:
    migrate(conninfo)
    with psycopg.connect(conninfo) as conn:
        conn.execute("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
    with pytest.raises(Misconfigured, match=r"pgvector 0\.7\.4 is too old, 0\.8\.0 or newer is needed"):
        pending(conninfo)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ((0, 8, 0), ["CVE-2026-3172", "damage", "VACUUM and inserts"]),
        ((0, 8, 2), ["damage", "VACUUM and inserts"]),
        ((0, 8, 3), ["VACUUM and inserts"]),
        ((0, 8, 4), []),
        ((0, 10, 0), []),
    ],
)
def test_known_defects_of_a_version_are_told(version: tuple[int, ...], words: list[str]) -> None:
    told = warnings(version)
    assert len(told) == len(words)
    assert all(word in sentence for word, sentence in zip(words, told, strict=True))


def test_a_database_out_of_reach_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        migrate("postgresql://user:hunter2@127.0.0.1:1/photofinish")
