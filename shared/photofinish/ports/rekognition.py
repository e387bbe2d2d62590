"""Albums as collections of the Rekognition API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef

COLLECTION_BUCKET: Final = "rekognition"
"""Bucket in the :class:`PhotoRef` of pictures that came through the Rekognition API; no such bucket exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFace:
    """An indexed face with its names in the Rekognition API."""

    face_id: str
    image_id: str
    """Lower-case 8-4-4-4-12 hexadecimal: of the picture that came through the API, otherwise the photo id."""
    external_image_id: str | None
    """The client's name for the picture."""
    box: Box
    detection_score: float
    embedding_space: str
    photo: PhotoRef
    """Its bucket is `COLLECTION_BUCKET` if it came through the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """An album as a collection of the Rekognition API."""

    created_at: datetime | None
    """None if the album started with uploaded photos."""
    face_count: int
    user_count: int
    holds_dropped_photos: bool
    """Whether it also contains photos of the photo bucket."""


class Collections(Protocol):
    """Albums as collections of the Rekognition API: those that were created as one, and those with indexed photos.

    Postgres is the only implementation. Unless stated otherwise, methods raise NotFound for an unknown collection.
    """

    def create(self, album: str, tags: Mapping[str, str]) -> bool:
        """Create an empty collection. Return False and change nothing if it exists."""
        ...

    def exists(self, album: str) -> bool:
        """Whether the collection exists; raises nothing for an unknown one."""
        ...

    def describe(self, album: str) -> Collection | None:
        """Return the collection; None for an unknown one."""
        ...

    def list_collections(self, *, names: frozenset[str] | None, limit: int, after: int = 0) -> list[tuple[int, str]]:
        """Return position and name of collections in `names` (None: all) after position `after`, oldest first."""
        ...

    def add_tags(self, album: str, tags: Mapping[str, str], *, at_most: int) -> bool:
        """Set these tags. Return False and change nothing if it would then have more than `at_most`."""
        ...

    def remove_tags(self, album: str, keys: Sequence[str]) -> None: ...

    def tags(self, album: str) -> dict[str, str]: ...

    def name_picture(
        self, album: str, face_ids: Sequence[str], *, image_id: str, external_image_id: str | None
    ) -> None:
        """Record the picture that these faces come from, before they are indexed; twice equals once."""
        ...

    def faces_of_picture(self, album: str, image_id: str) -> list[CollectionFace]:
        """Return the indexed faces of a picture recorded by :meth:`name_picture`."""
        ...

    def faces(
        self, album: str, *, limit: int, after: str | None = None, face_ids: Sequence[str] | None = None
    ) -> list[CollectionFace]:
        """Return indexed faces ordered by id: those after `after`, and only `face_ids` if given."""
        ...

    def delete_faces(self, album: str, face_ids: Sequence[str]) -> list[str]:
        """Delete faces from the index permanently; return the ids of those that existed."""
        ...

    def recall(self, album: str, token: str) -> tuple[bytes, Mapping[str, Any]] | None:
        """Return the digest and response that :meth:`remember` stored for the token."""
        ...

    def remember(self, album: str, token: str, request_sha256: bytes, answer: Mapping[str, Any]) -> None:
        """Store the response to a repeatable request for a day; a second call for the token changes nothing."""
        ...
