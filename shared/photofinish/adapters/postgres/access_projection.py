"""Track which albums' access documents are out of date; statements in `sql/access_projection.sql`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.access import AlbumAccess
from photofinish.ports import PendingAccess

_query = Statements("access_projection")


class PgAccessProjection:
    """:class:`photofinish.ports.AccessProjection` in Postgres; thread-safe. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def exclusively(self, album: str) -> Iterator[bool]:
        with self._database.transaction() as conn:
            is_locked = conn.execute(_query("try_lock"), {"album": album}).fetchone() == (True,)
            if is_locked:  # an erasure of the album waits for the write, and deletes the document after it
                conn.execute(_query("keep_row"), {"album": album})
            yield is_locked

    def pending(self, album: str) -> PendingAccess | None:
        with self._database.transaction() as conn:
            row = conn.execute(_query("pending"), {"album": album}).fetchone()
        if row is None:
            return None
        revision, search, browse, anonymous = row
        return PendingAccess(
            revision, AlbumAccess(users_may_search=search, users_may_browse=browse, anonymous_users=anonymous)
        )

    def pending_albums(self) -> list[str]:
        with self._database.transaction() as conn:
            return [album for (album,) in conn.execute(_query("pending_albums"))]

    def done(self, album: str, revision: int) -> None:
        with self._database.transaction() as conn:
            conn.execute(_query("done"), {"album": album, "revision": revision})
