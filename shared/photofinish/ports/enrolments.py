"""Enrolment of people by uploaded pictures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from photofinish.domain.people import Upload, WeightedEmbedding
from photofinish.domain.photo import PhotoRef, StoredPhoto


class Enrolments(Protocol):
    """Uploads of enrolment pictures and their states."""

    def add_uploads(self, album: str, person_id: str, count: int, *, expires_at: datetime) -> list[Upload]:
        """Await `count` (1 or more) more pictures of the person.

        Raises:
            UnknownPerson: the album has no such person.
        """
        ...

    def uploads(self, album: str, person_id: str) -> list[Upload]:
        """All uploads of the person, oldest first; none for an unknown person."""
        ...

    def awaited(self, album: str, upload_id: str) -> Upload | None:
        """The upload of this id, if the album still awaits it."""
        ...

    def refuse(self, album: str, upload_id: str, code: str, message: str) -> bool:
        """Record that the picture cannot be used, and why; False where it was not awaited any more."""
        ...

    def accept(self, album: str, upload_id: str, face: WeightedEmbedding, *, min_similarity: float) -> bool:
        """Record that the picture shows this face; False where it was not awaited any more.

        This decides again over all pictures of the person, so their order does not matter: those that fit together are
        accepted, the others are refused as another person's.
        """
        ...

    def remove(self, album: str, person_id: str, upload_id: str, *, min_similarity: float) -> bool:
        """Forget a picture of the person in any state; False for an unknown one."""
        ...

    def expire(self, before: datetime) -> int:
        """Refuse awaited pictures whose upload URL expired before then; return how many."""
        ...


class EnrolmentPictures(Protocol):
    """The bucket of enrolment pictures."""

    def read(self, picture: PhotoRef, *, max_bytes: int) -> bytes:
        """The content of this generation.

        Raises:
            PhotoGone: it does not exist any more.
            RejectedInput: `file_too_large`, before more than `max_bytes` are read.
        """
        ...

    def delete(self, picture: PhotoRef) -> None:
        """Delete this generation; twice equals once."""
        ...

    def uploaded_before(self, moment: datetime) -> Iterator[StoredPhoto]:
        """Pictures uploaded before then that were not deleted: their events were lost."""
        ...
