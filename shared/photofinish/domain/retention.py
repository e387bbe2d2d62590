"""When an album ends, and what of a photo stays in an album that keeps only results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.work import PhotoState

# A failed photo keeps its original, because `photofinish redrive` analyses it again.
_NEEDS_ORIGINAL = frozenset({PhotoStatus.QUEUED, PhotoStatus.PROCESSING, PhotoStatus.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumEnd:
    """The end of one album. Days are those of UTC."""

    album: str
    purpose: str
    ends_on: date
    """The last day on which the album is kept."""

    @property
    def erased_on(self) -> date:
        """The day on which the album is erased: the first one on which it is not kept any more."""
        return day_after(self.ends_on)

    def days_left(self, today: date) -> int:
        """How many days until the album is erased; 0 or less if it is due."""
        return (self.erased_on - today).days


def day_after(day: date) -> date:
    """The next day; after the last one that `date` has, 9999-12-31, the same day again."""
    return day if day == date.max else day + timedelta(days=1)


def original_may_go(state: PhotoState | None, photo: PhotoRef) -> bool:
    """Whether this version of an original is needed no more, where only results are kept.

    Not while it, or the newest version, waits for its analysis, nor before it is recorded at all.
    """
    if state is None or state.generation < photo.generation:
        return False
    return state.generation > photo.generation or state.status not in _NEEDS_ORIGINAL
