"""People enrolled by pictures of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from photofinish.domain.people import Upload, Weighted
from photofinish.domain.photo import PhotoRef, StoredPhoto


class Enrolments(Protocol):
    """Enrolment pictures: which uploads are awaited, and what became of each."""

    def add_uploads(self, album: str, person_id: str, count: int, *, expires_at: datetime) -> list[Upload]:
        """Await `count` more pictures of the person.

        Raises:
            NotFound: there is no such person.
        """
        ...

    def uploads(self, album: str, person_id: str) -> list[Upload]:
        """All pictures of the person, oldest first; none for somebody whom the album does not have."""
        ...

    def awaited(self, album: str, upload_id: str) -> Upload | None:
        """The upload of this id, where the album still waits for it."""
        ...

    def refuse(self, album: str, upload_id: str, code: str, message: str) -> bool:
        """The picture cannot be used; whether it was still awaited."""
        ...

    def accept(self, album: str, upload_id: str, face: Weighted, *, min_similarity: float) -> bool:
        """The picture shows this face; whether it was still awaited.

        Which of the person's pictures are accepted is decided anew over all of them, so it does not depend on which
        came first: those that fit together stay, the others are refused as another person's.
        """
        ...

    def remove(self, album: str, person_id: str, upload_id: str, *, min_similarity: float) -> bool:
        """Forget a picture of the person, whatever became of it; False where there is none."""
        ...

    def expire(self, before: datetime) -> int:
        """Await no picture any more whose address expired before then; how many these were."""
        ...


class EnrolmentPictures(Protocol):
    """The bucket of enrolment pictures."""

    def read(self, picture: PhotoRef, *, max_bytes: int) -> bytes:
        """Raises PhotoGone, or RejectedInput for one that is too large."""
        ...

    def delete(self, picture: PhotoRef) -> None:
        """Twice equals once."""
        ...

    def uploaded_before(self, moment: datetime) -> Iterator[StoredPhoto]: ...
