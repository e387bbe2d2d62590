"""What retention has done, so that it is told apart from what users do; and asking for a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from photofinish.domain.photo import PhotoRef


class RetentionRecords(Protocol):
    """Which originals were removed because an album keeps only results, and which albums' ends were enforced."""

    def note_originals_removed(self, photos: Sequence[PhotoRef]) -> None:
        """Record that these versions are removed: note it first, so that no removal looks like a user's deletion."""
        ...

    def was_original_removed(self, photo: PhotoRef) -> bool:
        """Whether this version, or a newer one, was removed for retention."""
        ...

    def note_end_enforced(self, album: str, ends_on: date) -> None:
        """Record that the album was erased because it ended on this day."""
        ...

    def end_enforced(self, album: str) -> date | None:
        """The latest end of the album that was enforced."""
        ...


class RetentionRuns(Protocol):
    """The function that deletes and renames objects, see `expire` in the functions' entry points."""

    def request(self) -> None:
        """Have it run within seconds rather than within the hour; return once the request is durable."""
        ...

    def finish_erasure(self, erasure_id: str) -> None:
        """Have one erasure finished within seconds rather than within the hour; return once that is durable."""
        ...
