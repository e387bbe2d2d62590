"""Documents: what apps see of albums and photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.work import PhotoState


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecord:
    """The Firestore document of one photo, as far as the pipeline reads it."""

    ref: PhotoRef
    status: PhotoStatus
    fields: Mapping[str, Any]
    """The whole document, field by field as README of `shared/` documents it."""


class Documents(Protocol):
    """The projection that apps see: albums and photos. Writes of an older generation change nothing."""

    def record_queued(self, photo: StoredPhoto, *, event_at: datetime, trace_id: str) -> bool:
        """Record a photo version as queued, and its album as existing.

        Returns whether it still has to be analysed: False where this generation is final already, or a newer one is
        known. Twice equals once: a repeated call on a photo that is queued or processing says True and changes nothing.
        """
        ...

    def record_processing(self, photos: Sequence[PhotoRef], *, worker: str) -> set[PhotoRef]:
        """Mark photos as being worked on; returns those that still need it (as `record_queued` says)."""
        ...

    def record_final(
        self, photo: PhotoRef, status: PhotoStatus, fields: Mapping[str, Any], *, error: tuple[str, str] | None = None
    ) -> bool:
        """Write a final status with `fields` (and `error` as code and sentence); returns whether it applied.

        It does not where a newer generation is known or this one is final already.
        """
        ...

    def note_failure(self, photos: Sequence[PhotoRef], reason: str) -> None:
        """Keep why an attempt at these photos failed (`last_error`), for people; changes no status."""
        ...

    def record_requeued(self, photo: PhotoRef, *, trace_id: str) -> bool:
        """Queue this generation again although it is final (redrive); returns whether it applied."""
        ...

    def states(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, PhotoState]:
        """Return what is recorded of each of `photos` that has a record."""
        ...

    def get(self, album: str, photo_id: str) -> PhotoRecord | None: ...

    def counts(self, album: str) -> dict[PhotoStatus, int]:
        """Photos per status; empty for an album that does not exist."""
        ...

    def outstanding(self) -> int:
        """How many photos of all albums are queued or processing."""
        ...

    def list_photos(self, album: str, *, status: PhotoStatus | None = None) -> Iterator[PhotoRecord]:
        """Every record of an album (of one status), page by page."""
        ...

    def latest_final(self, album: str, *, limit: int) -> list[PhotoRecord]:
        """The photos that reached a final status last, newest first."""
        ...

    def longest_outstanding(self, album: str, *, limit: int) -> list[PhotoRecord]:
        """The photos that have been queued or processing for longest, oldest change first."""
        ...
