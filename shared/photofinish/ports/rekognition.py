"""Albums as collections of the Rekognition API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef

COLLECTION_BUCKET: Final = "rekognition"
"""Bucket of the photos that stand for faces which came through the Rekognition API; no bucket is called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFace:
    """A face as the Rekognition API shows it."""

    face_id: str
    image_id: str
    """Lower-case 8-4-4-4-12 hexadecimal: of the picture that came through the API, else the photo's own id."""
    external_image_id: str | None
    """What its sender calls the picture."""
    box: Box
    detection_score: float
    embedding_space: str
    photo: PhotoRef
    """Of the bucket `COLLECTION_BUCKET` where it came through the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """An album as a collection of the Rekognition API."""

    created_at: datetime | None
    """None where the album was begun by dropping photos."""
    face_count: int
    user_count: int
    holds_dropped_photos: bool
    """Whether photos of the bucket are in it, too."""


class Collections(Protocol):
    """Albums as collections of the Rekognition API. One exists where it was created, or any photo of it was indexed."""

    def create(self, album: str, tags: Mapping[str, str]) -> bool:
        """Make an empty one; False, and nothing changes, where it exists."""
        ...

    def exists(self, album: str) -> bool: ...

    def describe(self, album: str) -> Collection | None: ...

    def list_collections(self, *, names: frozenset[str] | None, limit: int, after: int = 0) -> list[tuple[int, str]]:
        """Position and name of those of `names` (None: of all) after the position `after`, oldest album first."""
        ...

    def forget(self, album: str) -> None:
        """Forget that the collection was created, its tags and what its pictures are called; twice equals once."""
        ...

    def add_tags(self, album: str, tags: Mapping[str, str], *, at_most: int) -> bool:
        """Set these tags of an existing collection; False, and nothing changes, where it would have more."""
        ...

    def remove_tags(self, album: str, keys: Sequence[str]) -> None: ...

    def tags(self, album: str) -> dict[str, str]: ...

    def name_picture(
        self, album: str, face_ids: Sequence[str], *, image_id: str, external_image_id: str | None
    ) -> None:
        """Record which picture these faces, which are about to be indexed, come from; twice equals once."""
        ...

    def faces_of_picture(self, album: str, image_id: str) -> list[CollectionFace]:
        """The indexed faces of a picture that was named."""
        ...

    def faces(
        self, album: str, *, limit: int, after: str | None = None, face_ids: Sequence[str] | None = None
    ) -> list[CollectionFace]:
        """Indexed faces in the order of their ids: those that follow `after`, and of `face_ids` where it is given."""
        ...

    def delete_faces(self, album: str, face_ids: Sequence[str]) -> list[str]:
        """Take faces out of the index for good; the ids of those that were there."""
        ...

    def recall(self, album: str, token: str) -> tuple[bytes, Mapping[str, Any]] | None:
        """What :meth:`remember` keeps for the token."""
        ...

    def remember(self, album: str, token: str, request_sha256: bytes, answer: Mapping[str, Any]) -> None:
        """Keep the answer to a request that its sender may repeat, for a day; the first one stays."""
        ...
