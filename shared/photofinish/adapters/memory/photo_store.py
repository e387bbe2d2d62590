"""Photos in memory."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from photofinish.domain.photo import PhotoRef, StoredPhoto
from photofinish.errors import NotFound, PhotoGone, RejectedInput


class MemoryPhotoStore:
    """A bucket of originals and one of derived objects, in dictionaries."""

    def __init__(self, bucket: str = "photos") -> None:
        self.bucket = bucket
        self.derived: dict[str, bytes] = {}
        self._photos: dict[str, tuple[StoredPhoto, bytes]] = {}
        self._generations = itertools.count(1)
        self._lock = threading.Lock()

    def upload(self, name: str, content: bytes, content_type: str = "image/jpeg") -> StoredPhoto:
        """Add an original; an existing object of that name gets a new generation."""
        with self._lock:
            ref = PhotoRef(bucket=self.bucket, name=name, generation=next(self._generations))
            photo = StoredPhoto(
                ref=ref, size_bytes=len(content), content_type=content_type, uploaded_at=datetime.now(UTC)
            )
            self._photos[name] = (photo, content)
            return photo

    def delete(self, name: str) -> None:
        with self._lock:
            del self._photos[name]

    def read(self, photo: PhotoRef, *, max_bytes: int) -> bytes:
        stored = self._photos.get(photo.name)
        if stored is None or stored[0].ref != photo:
            raise PhotoGone("photo_gone", f"{photo.name} was deleted or replaced.")
        if len(stored[1]) > max_bytes:
            raise RejectedInput("file_too_large", f"The file has more than {max_bytes / 1e6:.0f} MB.")
        return stored[1]

    def list_photos(self, prefix: str = "") -> Iterator[StoredPhoto]:
        for name in sorted(self._photos):
            if name.startswith(prefix):
                yield self._photos[name][0]

    def put_derived(self, name: str, content: bytes, content_type: str) -> None:
        del content_type
        self.derived.setdefault(name, content)

    def read_derived(self, name: str) -> bytes:
        try:
            return self.derived[name]
        except KeyError:
            raise NotFound(f"The derived object {name!r} does not exist.") from None
