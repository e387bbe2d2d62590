"""Seconds of tasks by album in Postgres; statements in `sql/task_times.sql`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_cost import AlbumTime, TaskTime
from photofinish.domain.photo import is_album_name
from photofinish.domain.prices import Processor

_query = Statements("task_times")


class PgTaskTimes:
    """:class:`photofinish.ports.TaskTimes`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, run_id: str, processor: Processor, times: Mapping[str, AlbumTime]) -> None:
        with self._database.transaction() as conn:
            for album, time in sorted(times.items()):
                values = {
                    "run_id": UUID(run_id),
                    "album_id": use_album(conn, album),
                    "processor": processor.value,
                    "seconds": time.seconds,
                    "photos": time.photos,
                }
                conn.execute(_query("report"), values)

    def of_album(self, album: str) -> Sequence[TaskTime]:
        with self._database.transaction() as conn:
            album_id = find_album(conn, album) if is_album_name(album) else None
            return [
                TaskTime(processor=Processor(processor), seconds=seconds, photos=photos)
                for processor, seconds, photos in conn.execute(_query("of_album"), {"album_id": album_id})
            ]
