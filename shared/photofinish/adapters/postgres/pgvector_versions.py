"""Versions of pgvector: the oldest that works, and what is wrong with others.

Source: its change log, https://github.com/pgvector/pgvector/blob/master/CHANGELOG.md. Cloud SQL was last seen with
0.8.1, so not only the newest must work.
"""

from __future__ import annotations

import psycopg

from photofinish.errors import Misconfigured

Version = tuple[int, ...]
OLDEST: Version = (0, 8, 0)
"""The first with iterative index scans; without them a search in a large album misses photos."""
SAFE_PARALLEL_BUILDS: Version = (0, 8, 2)
"""Earlier ones can write outside their memory when several workers build an HNSW index (CVE-2026-3172)."""


def warnings(version: Version) -> list[str]:
    """What is known to be wrong with a version that works, a sentence each."""
    name = text(version)
    known = (
        (
            SAFE_PARALLEL_BUILDS,
            "builds HNSW indexes unsafely with several workers (CVE-2026-3172): photofinish builds them with one; do "
            "the same when you REINDEX by hand (SET max_parallel_maintenance_workers = 0)",
        ),
        (
            (0, 8, 3),
            "can damage an HNSW index during VACUUM: if searches miss photos, REINDEX the album's partition of face",
        ),
        ((0, 8, 4), "can report errors when VACUUM and inserts meet; the insert is tried again"),
    )
    return [f"pgvector {name} {what}. It is mended in {text(mended)}." for mended, what in known if version < mended]


def prepare(conn: psycopg.Connection) -> Version:
    """Check the server's pgvector, and update the extension to what the server has: maintenance does not do that.

    Raises:
        Misconfigured: it is missing or too old, or the role may not update it.
    """
    installed, available = _versions(conn)
    if installed is not None and available is not None and installed < available:
        try:
            conn.execute("ALTER EXTENSION vector UPDATE")
        except psycopg.errors.InsufficientPrivilege as error:
            raise Misconfigured(
                f"The database uses pgvector {text(installed)}, the server has {text(available)}, and this role may "
                "not update it: run ALTER EXTENSION vector UPDATE as the extension's owner."
            ) from error
    return check(conn)


def check(conn: psycopg.Connection) -> Version:
    """The version that the database uses, or would use if it had the extension.

    Raises:
        Misconfigured: there is none, or it is too old.
    """
    installed, available = _versions(conn)
    version = installed or available
    if version is None:
        raise Misconfigured(f"This Postgres server has no pgvector: install pgvector {text(OLDEST)} or newer on it.")
    if version < OLDEST:
        remedy = "install that and run ALTER EXTENSION vector UPDATE" if installed else "install that"
        raise Misconfigured(f"pgvector {text(version)} is too old, {text(OLDEST)} or newer is needed: {remedy}.")
    return version


def _versions(conn: psycopg.Connection) -> tuple[Version | None, Version | None]:
    """What the database has installed, and what the server has."""
    found = conn.execute(
        "SELECT installed_version, default_version FROM pg_available_extensions WHERE name = 'vector'"
    ).fetchone()
    installed, available = found or (None, None)
    return _parsed(installed), _parsed(available)


def _parsed(name: str | None) -> Version | None:
    return None if name is None else tuple(int(part) for part in name.split("."))


def text(version: Version) -> str:
    """`0.8.1`."""
    return ".".join(map(str, version))
