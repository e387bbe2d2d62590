"""Tombstones in memory."""

from __future__ import annotations

from photofinish.domain.erasure import ErasedFace, ErasedParts, parts_of
from photofinish.domain.photo import PhotoRef


class MemoryTombstones:
    """:class:`photofinish.ports.Tombstones` that tests set."""

    def __init__(self) -> None:
        self.photos: dict[str, int] = {}
        """Photo id → the newest erased generation."""
        self.faces: list[ErasedFace] = []

    def erased(self, photo: PhotoRef) -> ErasedParts:
        is_photo = self.photos.get(photo.photo_id, -1) >= photo.generation
        here = (photo.photo_id, photo.generation)
        return parts_of((face for face in self.faces if (face.photo_id, face.generation) == here), is_photo=is_photo)
