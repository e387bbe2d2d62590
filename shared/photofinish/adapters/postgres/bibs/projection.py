"""Photos whose documents have older bibs, in Postgres; statements in `sql/bibs.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from photofinish.adapters.postgres.bibs.writing import bibs_of, stored_bibs
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.people.transactions import album_transaction
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.bib_changes import PhotoBibs

_query = Statements("bibs")


class PgBibProjection:
    """:class:`photofinish.ports.BibProjection` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(self, album: str, *, limit: int) -> list[PhotoBibs]:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:
                return []
            rows = conn.execute(_query("pending"), {"album_id": album_id, "limit": limit}).fetchall()
            return [
                PhotoBibs(photo=known.photo, bibs=bibs_of(conn, album_id, known), revision=known.revision)
                for known in map(stored_bibs, rows)
            ]

    def done(self, written: Sequence[PhotoBibs]) -> None:
        values = {
            "photo_ids": [UUID(one.photo.photo_id) for one in written],
            "revisions": [one.revision for one in written],
        }
        with self._database.transaction() as conn:
            conn.execute(_query("projected"), values)

    def pending_albums(self) -> list[str]:
        with self._database.transaction() as conn:
            return [row[0] for row in conn.execute(_query("pending_albums"))]
