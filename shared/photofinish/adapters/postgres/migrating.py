"""Migrate the vector database to the schema of this version: numbered SQL files, each applied once, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import psycopg

from photofinish.adapters.postgres import granting, pgvector_versions, sql
from photofinish.adapters.postgres.connecting import connect
from photofinish.adapters.postgres.database import check_conninfo
from photofinish.errors import Misconfigured, Unavailable

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


def migrate(
    conninfo: str,
    known: list[Migration] | None = None,
    *,
    rights: Mapping[str, granting.Rights] | None = None,
    wait_s: float = 0,
) -> list[str]:
    """Apply the missing migrations, each in a transaction of its own, and return their names.

    Then give the users named in `rights` exactly those. Several processes may call this at once: one applies the
    migrations, the others wait and find none missing.

    Raises:
        Misconfigured: pgvector is missing or too old, or its update is not permitted; an applied migration was
            edited; the database belongs to a newer version than this code, or lacks one of the users.
        Unavailable: the database could not be reached within `wait_s`.
    """
    known = migrations() if known is None else known
    with _connection(conninfo, wait_s) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_LOCK])  # freed when the connection closes
        if pgvector_versions.prepare(conn) < pgvector_versions.SAFE_PARALLEL_BUILDS:
            conn.execute("SET max_parallel_maintenance_workers = 0")
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
        if rights:
            granting.grant(conn, rights)
        return [migration.name for migration in missing]


def pending(conninfo: str, known: list[Migration] | None = None) -> list[str]:
    """Return the names of the migrations that :func:`migrate` would apply; raises what it would raise."""
    known = migrations() if known is None else known
    with _connection(conninfo) as conn:
        pgvector_versions.check(conn)
        return [migration.name for migration in _missing(conn, known)]


def pgvector_warnings(conninfo: str) -> list[str]:
    """Return what is known to be wrong with the server's version of pgvector, a sentence each."""
    with _connection(conninfo) as conn:
        return pgvector_versions.warnings(pgvector_versions.check(conn))


def pgvector_version(conninfo: str) -> str:
    """Return the version of pgvector that the database uses, such as `0.8.1`.

    Raises:
        Misconfigured: there is none, or it is too old.
    """
    with _connection(conninfo) as conn:
        return pgvector_versions.text(pgvector_versions.check(conn))


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


@contextmanager
def _connection(conninfo: str, wait_s: float = 0) -> Iterator[psycopg.Connection]:
    check_conninfo(conninfo)
    try:
        with connect(conninfo, wait_s=wait_s, autocommit=True) as conn:
            yield conn
    except psycopg.OperationalError as error:
        raise Unavailable(f"The vector database cannot be reached or stopped responding: {error}") from error
