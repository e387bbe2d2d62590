"""PhotoStore on Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator

from google.api_core import exceptions
from google.cloud.storage import Blob, Client

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.announced import announced_in
from photofinish.domain.photo import PhotoRef, StoredPhoto
from photofinish.errors import NotFound, PhotoGone, RejectedInput

TIMEOUT_S = 60.0


class GcsPhotoStore:
    """Originals and derived objects in two buckets, so that a derived object never looks like a new photo."""

    def __init__(self, client: Client, photo_bucket: str, derived_bucket: str) -> None:
        self._client = client
        self._photos = client.bucket(photo_bucket)
        self._derived = client.bucket(derived_bucket)

    @unavailable_when_transient
    def read(self, photo: PhotoRef, *, max_bytes: int) -> bytes:
        blob = self._client.bucket(photo.bucket).blob(photo.name, generation=photo.generation)
        try:
            return read_at_most(blob, max_bytes)
        except exceptions.NotFound:
            raise _gone(photo) from None

    @unavailable_when_transient
    def read_part(self, photo: PhotoRef, *, start: int, stop: int) -> bytes:
        if start >= stop:
            return b""
        blob = self._client.bucket(photo.bucket).blob(photo.name, generation=photo.generation)
        try:
            content: bytes = blob.download_as_bytes(start=start, end=stop - 1, raw_download=True, timeout=TIMEOUT_S)
        except exceptions.NotFound:
            raise _gone(photo) from None
        except exceptions.RequestRangeNotSatisfiable:
            return b""
        return content

    @unavailable_when_transient
    def size_bytes(self, photo: PhotoRef) -> int:
        blob = self._client.bucket(photo.bucket).get_blob(photo.name, generation=photo.generation, timeout=TIMEOUT_S)
        if blob is None:
            raise _gone(photo)
        return int(blob.size)

    @unavailable_when_transient
    def list_photos(self, prefix: str = "") -> Iterator[StoredPhoto]:
        for blob in self._client.list_blobs(self._photos, prefix=prefix, timeout=TIMEOUT_S):
            yield stored_photo(blob)

    @unavailable_when_transient
    def is_live(self, photo: PhotoRef) -> bool:
        blob = self._photos.get_blob(photo.name, timeout=TIMEOUT_S)
        return blob is not None and int(blob.generation) == photo.generation

    @unavailable_when_transient
    def put_derived(self, name: str, content: bytes, content_type: str) -> None:
        try:
            self._derived.blob(name).upload_from_string(
                content, content_type=content_type, if_generation_match=0, timeout=TIMEOUT_S
            )
        except exceptions.PreconditionFailed:
            return  # derived names contain generation and pipeline version, so the existing object is the same

    @unavailable_when_transient
    def derived_names(self, prefix: str) -> Iterator[str]:
        for blob in self._client.list_blobs(self._derived, prefix=prefix, timeout=TIMEOUT_S):
            yield str(blob.name)

    @unavailable_when_transient
    def move_derived(self, name: str, new_name: str) -> None:
        blob = self._derived.blob(name)
        try:
            self._derived.copy_blob(blob, self._derived, new_name, timeout=TIMEOUT_S)
            blob.delete(timeout=TIMEOUT_S)
        except exceptions.NotFound:
            return  # it was moved before

    @unavailable_when_transient
    def read_derived(self, name: str) -> bytes:
        try:
            content: bytes = self._derived.blob(name).download_as_bytes(timeout=TIMEOUT_S)
        except exceptions.NotFound:
            raise NotFound(f"The derived object {name!r} does not exist.") from None
        return content


def read_at_most(blob: Blob, max_bytes: int) -> bytes:
    """Return the content of the object, in the generation of `blob`.

    Raises:
        RejectedInput: `file_too_large`, before more than `max_bytes` are downloaded.
        google.api_core.exceptions.NotFound: it does not exist.
    """
    try:
        # Downloads one byte more than allowed, which shows that a file is too large.
        content: bytes = blob.download_as_bytes(end=max_bytes, timeout=TIMEOUT_S)
    except exceptions.RequestRangeNotSatisfiable:
        return b""  # an empty object has no byte 0
    if len(content) > max_bytes:
        raise RejectedInput("file_too_large", f"The file has more than {max_bytes / 1e6:.0f} MB.")
    return content


def stored_photo(blob: Blob) -> StoredPhoto:
    """Return an object of a listing as a photo."""
    return StoredPhoto(
        ref=PhotoRef(bucket=blob.bucket.name, name=blob.name, generation=int(blob.generation)),
        size_bytes=int(blob.size),
        content_type=blob.content_type or "",
        uploaded_at=blob.time_created,
        crc32c=blob.crc32c,
        announced=announced_in(blob.metadata),
        md5=blob.md5_hash,
    )


def _gone(photo: PhotoRef) -> PhotoGone:
    return PhotoGone("photo_gone", f"{photo.name} was deleted or replaced before this version could be analysed.")
