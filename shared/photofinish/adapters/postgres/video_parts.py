"""Parts of videos in Postgres; statements in `sql/video_parts.sql`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.tombstones import is_photo_erased
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.photo import PhotoRef

_query = Statements("video_parts")
_bibs_query = Statements("bibs")


class PgVideoParts:
    """:class:`photofinish.ports.VideoParts`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, video: PhotoRef, pipeline_version: str, part: int, content: bytes) -> None:
        with self._database.transaction() as conn:
            album_id = use_album(conn, video.album)
            # An erasure that begins now waits for this lock, and removes what this transaction writes.
            conn.execute(_bibs_query("rules_in_use"), {"album_id": album_id})
            if not is_photo_erased(conn, video):
                values = _key(video, pipeline_version) | {"album_id": album_id, "part": part, "content": content}
                conn.execute(_query("put"), values)

    def known(self, video: PhotoRef, pipeline_version: str) -> Collection[int]:
        with self._database.transaction() as conn:
            return [part for (part,) in conn.execute(_query("known"), _key(video, pipeline_version))]

    def get(self, video: PhotoRef, pipeline_version: str, part: int) -> bytes | None:
        with self._database.transaction() as conn:
            values = _key(video, pipeline_version) | {"part": part}
            row = conn.execute(_query("get"), values, binary=True).fetchone()
        return None if row is None else bytes(row[0])

    def remove(self, video: PhotoRef) -> None:
        with self._database.transaction() as conn:
            conn.execute(_query("remove"), {"photo_id": video.photo_id, "generation": video.generation})

    def expire(self, before: datetime) -> int:
        with self._database.transaction() as conn:
            return conn.execute(_query("expire"), {"before": before}).rowcount


def _key(video: PhotoRef, pipeline_version: str) -> dict[str, Any]:
    return {"photo_id": video.photo_id, "generation": video.generation, "pipeline_version": pipeline_version}
