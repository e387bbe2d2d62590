"""Photos as objects in buckets, and links to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from photofinish.domain.photo import PhotoRef, StoredPhoto
from photofinish.domain.upload_batch import AnnouncedFile


class DerivedObjects(Protocol):
    """The bucket of derived objects, for those who only read it."""

    def read_derived(self, name: str) -> bytes:
        """Return the content of a derived object.

        Raises:
            NotFound: there is no derived object of this name.
        """
        ...


class Originals(Protocol):
    """The bucket of originals, for those who only read parts of them."""

    def read_part(self, photo: PhotoRef, *, start: int, stop: int) -> bytes:
        """Return the bytes `start` to `stop` of exactly this generation, as they are stored; fewer at its end.

        Raises:
            PhotoGone: this generation does not exist any more.
        """
        ...

    def size_bytes(self, photo: PhotoRef) -> int:
        """Return the size of exactly this generation; raises as :meth:`read_part`."""
        ...


class PhotoStore(DerivedObjects, Originals, Protocol):
    """The bucket of originals and the bucket of derived objects."""

    def read(self, photo: PhotoRef, *, max_bytes: int) -> bytes:
        """Return the content of exactly this generation.

        Raises:
            PhotoGone: this generation does not exist any more.
            RejectedInput: `file_too_large`, before more than `max_bytes` are downloaded.
        """
        ...

    def list_photos(self, prefix: str = "") -> Iterator[StoredPhoto]:
        """Yield the photos whose name starts with `prefix`, ordered by name, read page by page."""
        ...

    def is_live(self, photo: PhotoRef) -> bool:
        """Whether exactly this generation is in the bucket, and not only kept as an older version of its object."""
        ...

    def put_derived(self, name: str, content: bytes, content_type: str) -> None:
        """Create the derived object `name`; an existing one stays as it is (derived names contain a version)."""
        ...

    def derived_names(self, prefix: str) -> Iterator[str]:
        """Yield the names of the derived objects that start with `prefix`, in order, read page by page."""
        ...

    def move_derived(self, name: str, new_name: str) -> None:
        """Give a derived object another name, so that links to the old one find nothing; twice equals once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """An object of the bucket of originals, with what shows whether a local file is the same."""

    ref: PhotoRef
    size_bytes: int
    crc32c: str
    """Base64 of four bytes, big-endian."""


class PhotoUploads(Protocol):
    """Uploads into the bucket of originals. Cloud Storage is the only implementation."""

    def uploaded(self, album: str) -> dict[str, UploadedFile]:
        """Return the objects of `album`, by object name."""
        ...

    def upload(self, file: Path, name: str, content_type: str, *, replaces: int | None = None) -> PhotoRef:
        """Upload a file as the object `name`; a second upload creates a newer generation of it.

        `replaces` is the generation that the object must have, 0 for none; None replaces any.

        Raises:
            Conflict: the object has another generation, and another content.
            RejectedInput: `upload_refused`: the bucket does not take this file.
        """
        ...


BucketKind = Literal["photos", "enrolment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUpload:
    """How to upload one file without an account: this method, this URL, and exactly these headers."""

    url: str = field(repr=False)
    method: str
    headers: Mapping[str, str]
    expires_at: datetime


class PhotoLinks(Protocol):
    """Links that give access to one object for a limited time, without an account. Only signing adapters exist."""

    def rendition_urls(self, names: Sequence[str], *, expires_in_s: int) -> list[str]:
        """Return links to GET derived objects, in order; whether the objects exist is not checked."""
        ...

    def rendition_file_url(self, name: str, *, file_name: str, expires_in_s: int) -> str:
        """Return a link to GET a derived object, which browsers save as `file_name`."""
        ...

    def original_url(self, photo: PhotoRef, *, file_name: str, expires_in_s: int) -> str:
        """Return a link to GET exactly this generation, which browsers save as `file_name`."""
        ...

    def upload_url(
        self, bucket_kind: BucketKind, name: str, content_type: str, *, max_bytes: int, expires_in_s: int
    ) -> SignedUpload:
        """Return how to upload the object `name` with this content type and at most `max_bytes`."""
        ...

    def resumable_uploads(self, files: Sequence[AnnouncedFile], *, expires_in_s: int) -> list[SignedUpload]:
        """Return how to start the resumable upload of each file into the bucket of originals, in order.

        A started one goes on for a week at the address in `Location` of the answer. An object of the name must not
        exist, and the upload must have the announced size and type.
        """
        ...
