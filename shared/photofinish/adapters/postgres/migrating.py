"""Migrate the vector database to the schema of this version: numbered SQL files, each applied once, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import psycopg

from photofinish.adapters.postgres import sql
from photofinish.adapters.postgres.database import check_conninfo
from photofinish.errors import Misconfigured, Unavailable

MIN_PGVECTOR = (0, 8, 4)  # the first version whose iterative index scans this project was measured with
CONNECT_TIMEOUT_S = 10
_ADVISORY_LOCK = 7078010219  # an arbitrary number that nothing else in this database locks


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of ``sql/migrations``."""

    name: str
    statements: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.statements.encode()).hexdigest()


def migrations(folder: Traversable | None = None) -> list[Migration]:
    """Return the migrations of this version (or those in `folder`) in the order of their application."""
    folder = folder or resources.files(sql).joinpath("migrations")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [Migration(file.name, file.read_text(encoding="utf-8")) for file in files]


def migrate(conninfo: str, known: list[Migration] | None = None) -> list[str]:
    """Apply the missing migrations, each in a transaction of its own, and return their names.

    Several processes may call this at once: one applies them, the others wait and find none missing.

    Raises:
        Misconfigured: pgvector is missing or too old; an applied migration was edited; the database belongs to a newer
            version than this code.
        Unavailable: the database cannot be reached.
    """
    known = migrations() if known is None else known
    with _connection(conninfo) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_LOCK])  # freed when the connection closes
        _check_pgvector(conn)
        conn.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration ("
            " name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        missing = _missing(conn, known)
        for migration in missing:
            with conn.transaction():
                conn.execute(psycopg.sql.SQL(migration.statements))
                conn.execute(
                    "INSERT INTO schema_migration (name, checksum) VALUES (%s, %s)",
                    [migration.name, migration.checksum],
                )
        return [migration.name for migration in missing]


def pending(conninfo: str, known: list[Migration] | None = None) -> list[str]:
    """Return the names of the migrations that :func:`migrate` would apply; raises what it would raise."""
    known = migrations() if known is None else known
    with _connection(conninfo) as conn:
        _check_pgvector(conn)
        return [migration.name for migration in _missing(conn, known)]


def unsearchable_photos(conninfo: str) -> dict[str, int]:
    """Return, per album, the number of photos with faces or bibs that no search finds. Migrate the database first.

    They were indexed before migration 0002, without the columns that searches filter by, and must be analysed again.
    """
    with _connection(conninfo) as conn:
        # A removed photo has no width either, but no faces or bibs.
        found = conn.execute(
            "SELECT album.name, count(*) FROM photo JOIN album USING (album_id)"
            " WHERE photo.pipeline_version IS NOT NULL AND photo.width IS NULL AND ("
            "  EXISTS (SELECT FROM face WHERE face.album_id = photo.album_id AND face.photo_id = photo.photo_id)"
            "  OR EXISTS (SELECT FROM bib WHERE bib.photo_id = photo.photo_id))"
            " GROUP BY album.name ORDER BY album.name"
        )
        return dict(found.fetchall())


def _missing(conn: psycopg.Connection, known: list[Migration]) -> list[Migration]:
    exists = conn.execute("SELECT to_regclass('schema_migration') IS NOT NULL").fetchone()
    applied: dict[str, str] = {}
    if exists == (True,):
        applied = dict(conn.execute("SELECT name, checksum FROM schema_migration").fetchall())
    if unknown := sorted(applied.keys() - {migration.name for migration in known}):
        raise Misconfigured(
            f"Migrations unknown to this version were applied to the database ({', '.join(unknown)}): it belongs to a "
            "newer photofinish. Use that version."
        )
    for migration in known:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise Misconfigured(
                f"The migration {migration.name} was edited after it was applied to this database. Restore the file, "
                "and put the change into a new migration."
            )
    return [migration for migration in known if migration.name not in applied]


def _check_pgvector(conn: psycopg.Connection) -> None:
    found = conn.execute(
        "SELECT installed_version, default_version FROM pg_available_extensions WHERE name = 'vector'"
    ).fetchone()
    needed = ".".join(map(str, MIN_PGVECTOR))
    if found is None:
        raise Misconfigured(f"This Postgres server has no pgvector: install pgvector {needed} or newer on it.")
    installed, available = found
    version = str(installed or available)
    if tuple(int(part) for part in version.split(".")) < MIN_PGVECTOR:
        remedy = "install that and run ALTER EXTENSION vector UPDATE" if installed else "install that"
        raise Misconfigured(f"pgvector {version} is too old, {needed} or newer is needed: {remedy}.")


@contextmanager
def _connection(conninfo: str) -> Iterator[psycopg.Connection]:
    check_conninfo(conninfo)
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as conn:
            yield conn
    except psycopg.OperationalError as error:
        raise Unavailable(f"The vector database cannot be reached or stopped responding: {error}") from error
