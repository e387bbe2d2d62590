"""Photos in memory."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from photofinish.domain.photo import PhotoRef, StoredPhoto
from photofinish.errors import NotFound, PhotoGone, RejectedInput
from photofinish.ports import ObjectVersion
from photofinish.ports.erasures import Bucket


class MemoryPhotoStore:
    """A bucket of originals and one of derived objects, in dictionaries; both keep the older versions of objects.

    Also :class:`photofinish.ports.ErasableObjects`, with a bucket of enrolment pictures.
    """

    def __init__(self, bucket: str = "photos") -> None:
        self.bucket = bucket
        self.derived: dict[str, bytes] = {}
        self.known_versions: dict[Bucket, set[ObjectVersion]] = {
            "photo_bucket": set(),
            "derived_bucket": set(),
            "enrolment_bucket": set(),
        }
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
            self.add_version("photo_bucket", name, ref.generation)
            return photo

    def add_version(self, bucket: Bucket, name: str, generation: int | None = None) -> None:
        """Add a version of an object, such as an enrolment picture, or one that was replaced."""
        known = next(self._generations) if generation is None else generation
        version = ObjectVersion(name=name, generation=known, created_at=datetime.now(UTC))
        self.known_versions[bucket].add(version)

    def delete(self, name: str) -> None:
        with self._lock:
            del self._photos[name]

    def read(self, photo: PhotoRef, *, max_bytes: int) -> bytes:
        content = self._content(photo)
        if len(content) > max_bytes:
            raise RejectedInput("file_too_large", f"The file has more than {max_bytes / 1e6:.0f} MB.")
        return content

    def read_part(self, photo: PhotoRef, *, start: int, stop: int) -> bytes:
        return self._content(photo)[start:stop]

    def size_bytes(self, photo: PhotoRef) -> int:
        return len(self._content(photo))

    def _content(self, photo: PhotoRef) -> bytes:
        stored = self._photos.get(photo.name)
        if stored is None or stored[0].ref != photo:
            raise PhotoGone("photo_gone", f"{photo.name} was deleted or replaced.")
        return stored[1]

    def list_photos(self, prefix: str = "") -> Iterator[StoredPhoto]:
        for name in sorted(self._photos):
            if name.startswith(prefix):
                yield self._photos[name][0]

    def is_live(self, photo: PhotoRef) -> bool:
        stored = self._photos.get(photo.name)
        return stored is not None and stored[0].ref == photo

    def put_derived(self, name: str, content: bytes, content_type: str) -> None:
        del content_type
        with self._lock:
            if name not in self.derived:
                self.derived[name] = content
                self.add_version("derived_bucket", name)

    def derived_names(self, prefix: str) -> Iterator[str]:
        yield from sorted(name for name in self.derived if name.startswith(prefix))

    def move_derived(self, name: str, new_name: str) -> None:
        if name in self.derived:
            self.derived[new_name] = self.derived.pop(name)

    def read_derived(self, name: str) -> bytes:
        try:
            return self.derived[name]
        except KeyError:
            raise NotFound(f"The derived object {name!r} does not exist.") from None

    def replace_derived(self, name: str, content: bytes, content_type: str) -> None:
        del content_type
        with self._lock:
            self.derived[name] = content
            self.add_version("derived_bucket", name)

    def versions(self, bucket: Bucket, prefix: str) -> Iterator[ObjectVersion]:
        found = [version for version in self.known_versions[bucket] if version.name.startswith(prefix)]
        yield from sorted(found, key=lambda version: (version.name, version.generation))

    def remove(self, bucket: Bucket, versions: Iterable[ObjectVersion]) -> None:
        with self._lock:
            known = self.known_versions[bucket]
            for version in versions:
                known.discard(version)
                newest = max((one.generation for one in known if one.name == version.name), default=-1)
                if newest > version.generation:
                    continue  # an older version of an object that stays
                if bucket == "derived_bucket":
                    self.derived.pop(version.name, None)
                elif bucket == "photo_bucket":
                    self._photos.pop(version.name, None)
