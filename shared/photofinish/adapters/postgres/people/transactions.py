"""Transactions on the people of one album."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.photo import is_album_name
from photofinish.errors import NotFound

_query = Statements("people")


@contextmanager
def album_transaction(database: Database, album: str) -> Iterator[tuple[Connection, int | None]]:
    """Open a transaction; yield it with the album's number, None for an unknown album."""
    with database.transaction() as conn:
        yield conn, find_album(conn, album) if is_album_name(album) else None


def album_rows(
    database: Database, album: str, query: sql.SQL | sql.Composed, values: Mapping[str, object]
) -> list[TupleRow]:
    """Rows of one statement about the album; none for an unknown album."""
    with album_transaction(database, album) as (conn, album_id):
        return [] if album_id is None else conn.execute(query, {"album_id": album_id, **values}).fetchall()


@contextmanager
def people_transaction(database: Database, album: str) -> Iterator[tuple[Connection, int]]:
    """Open the only transaction that changes the album's people; create a missing album; yield the album's number.

    Raises:
        NotFound: no album can have this name.
    """
    if not is_album_name(album):
        raise NotFound(f"{album!r} cannot be an album.")
    with database.transaction() as conn:
        album_id = use_album(conn, album)
        conn.execute(_query("lock_people"), {"album_id": album_id})
        yield conn, album_id


@contextmanager
def exclusively(database: Database, album: str, try_lock: sql.SQL | sql.Composed) -> Iterator[bool]:
    """Yield whether `try_lock` got the album's lock, which is held until the block ends; False for an unknown album."""
    with album_transaction(database, album) as (conn, album_id):
        yield album_id is not None and conn.execute(try_lock, {"album_id": album_id}).fetchone() == (True,)
