"""Uploads into a bucket in memory."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import google_crc32c

from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.domain.photo import PhotoRef, album_prefixes
from photofinish.errors import Conflict
from photofinish.ports import UploadedFile


class MemoryPhotoUploads:
    """Uploads into a :class:`MemoryPhotoStore`."""

    def __init__(self, store: MemoryPhotoStore) -> None:
        self._store = store

    def uploaded(self, album: str) -> dict[str, UploadedFile]:
        return {
            photo.ref.name: UploadedFile(
                ref=photo.ref,
                size_bytes=photo.size_bytes,
                crc32c=_crc32c(self._store.read(photo.ref, max_bytes=sys.maxsize)),
            )
            for prefix in album_prefixes(album)
            for photo in self._store.list_photos(prefix)
        }

    def upload(self, file: Path, name: str, content_type: str, *, replaces: int | None = None) -> PhotoRef:
        content = file.read_bytes()
        existing = next((photo.ref for photo in self._store.list_photos(name) if photo.ref.name == name), None)
        if replaces is not None and replaces != (existing.generation if existing else 0):
            if existing and self._store.read(existing, max_bytes=sys.maxsize) == content:
                return existing
            raise Conflict("name_taken", f"another photo has the name {name}")
        return self._store.upload(name, content, content_type).ref


def _crc32c(content: bytes) -> str:
    checksum = google_crc32c.Checksum(content)  # type: ignore[no-untyped-call]
    return base64.b64encode(checksum.digest()).decode()  # type: ignore[no-untyped-call]
