"""Which albums there are, in Postgres: statements in `sql/albums.sql`."""

from __future__ import annotations

from photofinish.adapters.postgres.database import Database, is_storable, statement
from photofinish.ports import AlbumSummary


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
            rows = conn.execute(statement("albums", "summaries"), values).fetchall()
        return [AlbumSummary(name=name, photos=photos, faces=faces, bibs=bibs) for name, photos, faces, bibs in rows]
