"""Documents: albums and photos as apps see them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.photo_listing import PhotoListing, Position
from photofinish.domain.work import PhotoState


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecord:
    """The document of one photo."""

    ref: PhotoRef
    status: PhotoStatus
    fields: Mapping[str, Any]
    """The whole document; the README of `shared/` describes its fields."""


class Documents(Protocol):
    """The documents of albums and photos. A write for an older generation changes nothing."""

    def record_queued(self, photo: StoredPhoto, *, event_at: datetime, trace_id: str) -> bool:
        """Record a photo version as queued, and create the document of its album.

        Returns whether it still has to be analysed: False if this generation is final or a newer one is recorded.
        Twice equals once: for a photo that is queued or processing, a repeated call returns True and changes nothing.
        """
        ...

    def record_processing(self, photos: Sequence[PhotoRef], *, worker: str) -> set[PhotoRef]:
        """Mark photos as processing; return those that still have to be analysed, see :meth:`record_queued`.

        Each gets one more of :attr:`PhotoState.open_attempts`, until :meth:`note_failure` or :meth:`record_final`.
        """
        ...

    def record_final(
        self,
        photo: PhotoRef,
        status: PhotoStatus,
        fields: Mapping[str, Any],
        *,
        error: tuple[str, str] | None = None,
        unless_failed: bool = False,
    ) -> bool:
        """Write a final status with `fields` (and `error` as code and sentence); return whether it was written.

        It is not if a newer generation is recorded, or this one is final already; unless it was given up and now has a
        result (:func:`is_later_verdict`; not with `unless_failed`), or `fields` are of a later analysis by another
        pipeline (:func:`is_later_analysis`). If the document has bibs of a newer `bibs_revision`, they stay.
        """
        ...

    def restore_result(self, photo: PhotoRef, fields: Mapping[str, Any]) -> bool:
        """Write the document of a photo that is done, as the other stores have its result; return whether it was.

        It is not if a newer generation is recorded, if this one has another status, or is a duplicate. What `fields`
        do not name stays, and so do bibs of a newer `bibs_revision`. Faces that were erased from the document do not
        come back. For a photo without a document `fields` have the times of its result; its album is recorded, too.
        """
        ...

    def update_bibs(self, updates: Mapping[PhotoRef, Mapping[str, Any]]) -> None:
        """Replace `bibs`, `bib_numbers` and `bibs_revision` of these photos, up to 100, whatever their status.

        A document of another generation, or with an equal or newer `bibs_revision`, stays as it is.
        """
        ...

    def note_failure(self, photos: Sequence[PhotoRef], reason: str) -> None:
        """Record why an attempt at these photos failed (`last_error`), for operators; changes no status.

        The attempt has ended: these photos have no open attempts any more.
        """
        ...

    def note_progress(self, photo: PhotoRef, *, parts_done: int, parts: int) -> None:
        """Record how far the analysis of a video is (`progress`), until it is final; it is not stuck, and this attempt
        goes well: those before it do not count. Changes nothing for a photo that is final or of another generation.
        """
        ...

    def record_requeued(self, photo: PhotoRef, *, trace_id: str, if_changed_at: datetime | None = None) -> bool:
        """Queue this generation again even if it is final; return False if another one is recorded.

        With `if_changed_at` also if the status has changed since then: who decided by it may be wrong by now. A
        duplicate is none any more: it gets a result of its own.
        """
        ...

    def find_copy(self, photo: StoredPhoto) -> str | None:
        """Return the id of another photo of the album with the same bytes that was queued first, if there is one.

        Its status is `queued`, `processing` or `done`, and it is no duplicate itself.
        """
        ...

    def states(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, PhotoState]:
        """Return what is recorded of each of `photos` that has a record."""
        ...

    def get(self, album: str, photo_id: str) -> PhotoRecord | None: ...

    def records(self, album: str, photo_ids: Collection[str]) -> list[PhotoRecord]:
        """Return the records of those of these photos that the album has, in no order."""
        ...

    def counts(self, album: str) -> dict[PhotoStatus, int]:
        """Return the number of photos per status; empty for an unknown album."""
        ...

    def album_names(self, *, names: frozenset[str] | None, limit: int, after: str | None) -> list[str]:
        """Return up to `limit` recorded albums whose name is in `names` (None: all) and follows `after`, by name.

        An album is recorded once a photo of it is queued; names are ordered by their code points.
        """
        ...

    def last_upload(self, album: str) -> datetime | None:
        """Return when the newest of the album's photos was uploaded; None without photos."""
        ...

    def outstanding(self) -> int:
        """Return how many photos of all albums are queued or processing."""
        ...

    def outstanding_of(self, album: str, *, limit: int) -> int:
        """Return how many photos of `album` are queued or processing; of more than `limit`, only that many."""
        ...

    def list_photos(self, album: str, *, status: PhotoStatus | None = None) -> Iterator[PhotoRecord]:
        """Yield the records of an album (with one status, if given), read page by page."""
        ...

    def list_page(self, album: str, listing: PhotoListing, *, limit: int, after: Position | None) -> list[PhotoRecord]:
        """Return the first `limit` photos that `listing` allows and whose position is above `after`, in its order."""
        ...

    def latest_final(self, album: str, *, limit: int) -> list[PhotoRecord]:
        """Return the photos that most recently became final, newest first."""
        ...

    def longest_outstanding(self, album: str | None, *, limit: int) -> list[PhotoRecord]:
        """Return the photos of `album` (None: of all) that have been queued or processing longest, longest first."""
        ...
