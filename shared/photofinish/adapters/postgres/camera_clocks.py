"""Clocks of cameras in Postgres; statements in `sql/camera_clocks.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.database import Database, is_storable
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.camera_clocks import AlbumCamera, Sighting
from photofinish.domain.photo import is_album_name
from photofinish.errors import RejectedInput

_query = Statements("camera_clocks")


class PgCameraClocks:
    """:class:`photofinish.ports.CameraClocks`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cameras(self, album: str) -> list[AlbumCamera]:
        return [
            AlbumCamera(name=name, photos=photos, first=first, last=last, shift=shift)
            for name, photos, first, last, shift in self._rows("cameras", album)
        ]

    def set_shifts(self, album: str, shifts: Mapping[str, timedelta]) -> None:
        if not is_album_name(album):
            raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
        if not all(is_storable(camera) for camera in shifts):
            raise RejectedInput("invalid_value", "A camera's name contains NUL or half a surrogate pair.")
        with self._database.transaction() as conn:
            values = {"album_id": use_album(conn, album)}
            conn.execute(_query("lock_shifts"), values)
            conn.execute(_query("delete_shifts"), values)
            moved = {camera: shift for camera, shift in shifts.items() if shift}
            conn.execute(_query("insert_shifts"), values | {"cameras": list(moved), "shifts": list(moved.values())})
            conn.execute(_query("correct_photos"), values)

    def sightings(self, album: str, *, limit: int) -> list[Sighting]:
        return [
            Sighting(camera=camera, subject=subject, taken_at=taken_at)
            for camera, subject, taken_at in self._rows("sightings", album, limit=limit)
        ]

    def _rows(self, statement: str, album: str, **values: int) -> list[tuple[Any, ...]]:
        if not is_album_name(album):
            return []
        with self._database.transaction() as conn:
            album_id = find_album(conn, album)
            if album_id is None:
                return []
            return conn.execute(_query(statement), {"album_id": album_id, **values}).fetchall()
