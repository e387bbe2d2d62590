"""Albums in Postgres: their numbers, and how much of each is indexed; statements in `sql/albums.sql`."""

from __future__ import annotations

from photofinish.adapters.postgres.database import Connection, Database, is_storable
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.photo import check_visible
from photofinish.ports import AlbumSummary

_query = Statements("albums")


def find_album(conn: Connection, album: str) -> int | None:
    """Return the number of `album`; None if it does not exist."""
    row = conn.execute(_query("find_album"), {"album": album}).fetchone()
    return None if row is None else int(row[0])


def use_album(conn: Connection, album: str) -> int:
    """Return the number of `album`; create it if it does not exist.

    Raises:
        RejectedInput: `album_name_not_allowed`, of a new album.
    """
    album_id = find_album(conn, album)
    if album_id is None:
        check_visible(album)
        conn.execute(_query("use_album"), {"album": album})
        album_id = find_album(conn, album)
        assert album_id is not None, "inserted above, or by a concurrent transaction"
    return album_id


class PgAlbums:
    """:class:`photofinish.ports.Albums` in a migrated Postgres database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def summaries(self, *, names: frozenset[str] | None, limit: int, after: str | None) -> list[AlbumSummary]:
        if after is not None and not is_storable(after):
            return []
        values = {
            "names": None if names is None else sorted(name for name in names if is_storable(name)),
            "after": after,
            "limit": limit,
        }
        with self._database.transaction() as conn:
            rows = conn.execute(_query("summaries"), values).fetchall()
        return [AlbumSummary(name=name, photos=photos, faces=faces, bibs=bibs) for name, photos, faces, bibs in rows]
