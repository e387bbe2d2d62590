"""Tombstones in memory."""

from __future__ import annotations

from collections.abc import Sequence

from photofinish.domain.erasure import ErasedFace, ErasedParts, parts_of
from photofinish.domain.photo import PhotoRef
from photofinish.ports import ObjectVersion


class MemoryTombstones:
    """:class:`photofinish.ports.Tombstones` that tests set."""

    def __init__(self) -> None:
        self.photos: dict[str, int] = {}
        """Photo id → the newest erased generation."""
        self.faces: list[ErasedFace] = []
        self.late_objects: dict[PhotoRef, list[ObjectVersion]] = {}

    def erased(self, photo: PhotoRef) -> ErasedParts:
        is_photo = self.photos.get(photo.photo_id, -1) >= photo.generation
        here = (photo.photo_id, photo.generation)
        return parts_of((face for face in self.faces if (face.photo_id, face.generation) == here), is_photo=is_photo)

    def note_late_objects(self, photo: PhotoRef, versions: Sequence[ObjectVersion]) -> None:
        self.late_objects.setdefault(photo, []).extend(versions)
