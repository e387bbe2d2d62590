"""What retention has done, in memory: the double of ``adapters/postgres/retention.py``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from photofinish.domain.photo import PhotoRef


class MemoryRetentionRecords:
    """:class:`photofinish.ports.RetentionRecords`."""

    def __init__(self) -> None:
        self._removed: dict[str, int] = {}
        self._ends: dict[str, date] = {}

    def note_originals_removed(self, photos: Sequence[PhotoRef]) -> None:
        for photo in photos:
            self._removed[photo.photo_id] = max(photo.generation, self._removed.get(photo.photo_id, 0))

    def was_original_removed(self, photo: PhotoRef) -> bool:
        return self._removed.get(photo.photo_id, -1) >= photo.generation

    def note_end_enforced(self, album: str, ends_on: date) -> None:
        self._ends[album] = max(ends_on, self._ends.get(album, ends_on))

    def end_enforced(self, album: str) -> date | None:
        return self._ends.get(album)


class MemoryRetentionRuns:
    """:class:`photofinish.ports.RetentionRuns` that keeps what was asked for."""

    def __init__(self) -> None:
        self.requested = 0
        self.erasures: list[str] = []

    def request(self) -> None:
        self.requested += 1

    def finish_erasure(self, erasure_id: str) -> None:
        self.erasures.append(erasure_id)
