"""Clocks of cameras in memory: the double of ``adapters/postgres/camera_clocks.py``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.domain.camera_clocks import AlbumCamera, Sighting
from photofinish.domain.photo import is_album_name
from photofinish.errors import RejectedInput


class MemoryCameraClocks:
    """:class:`photofinish.ports.CameraClocks` over what `index` has; it knows no people, so bibs are the sightings."""

    def __init__(self, index: MemoryFaceIndex) -> None:
        self._index = index

    def cameras(self, album: str) -> list[AlbumCamera]:
        shifts = self._index.camera_shifts(album)
        times: dict[str, list[datetime | None]] = defaultdict(list, {camera: [] for camera in shifts})
        for photo in self._index.analyses(album):
            if photo.entry.camera is not None:
                times[photo.entry.camera].append(photo.entry.taken_at)
        return [
            AlbumCamera(
                name=camera,
                photos=len(taken),
                first=min((at for at in taken if at), default=None),
                last=max((at for at in taken if at), default=None),
                shift=shifts.get(camera, timedelta()),
            )
            for camera, taken in sorted(times.items())
        ]

    def set_shifts(self, album: str, shifts: Mapping[str, timedelta]) -> None:
        if not is_album_name(album):
            raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
        self._index.set_camera_shifts(album, {camera: shift for camera, shift in shifts.items() if shift})

    def sightings(self, album: str, *, limit: int) -> list[Sighting]:
        found = {
            (photo.entry.camera, f"bib {bib.number}", photo.entry.taken_at)
            for photo in self._index.analyses(album)
            for bib in photo.bibs
            if photo.entry.camera is not None and photo.entry.taken_at is not None and not bib.partial
        }
        return [Sighting(camera=camera, subject=who, taken_at=at) for camera, who, at in sorted(found)[:limit]]
