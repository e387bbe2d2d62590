"""Listing the photos of an album: which ones, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from photofinish.domain.bib_number import normal_number
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.errors import InvalidQuery

Position = tuple[str, ...]
"""A photo's place in the order of a listing; see :meth:`PhotoListing.position`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoListing:
    """Conditions that every listed photo meets; none: every photo of the album.

    Photos come by name; with a time window they come by the time they were taken, then by name.

    Raises:
        InvalidQuery: the time window ends before it starts, or both a number and none are asked for.
    """

    status: PhotoStatus | None = None
    camera: str | None = None
    """Exactly as in the photo's metadata."""
    folder: str | None = None
    """Path below the album, without slashes around it; includes the folders inside it."""
    with_warnings: bool = False
    """Only photos with warnings."""
    bib: str | None = None
    """A number that was read in the photo, exactly; in any form that :func:`normal_number` takes."""
    without_bib: bool = False
    """Only analysed photos that show no number."""
    is_blurry: bool = False
    """Only blurry photos."""
    taken_from: datetime | None = None
    """By the camera's clock, so without a time zone; inclusive, like `taken_until`."""
    taken_until: datetime | None = None

    def __post_init__(self) -> None:
        if self.taken_from and self.taken_until and self.taken_from > self.taken_until:
            raise InvalidQuery("The time window ends before it starts.")
        if self.bib is not None and self.without_bib:
            raise InvalidQuery("Ask for photos with a number or for photos without any, not for both.")
        if self.bib is not None:
            object.__setattr__(self, "bib", normal_number(self.bib))

    @property
    def by_time(self) -> bool:
        """Whether there is a time window. Photos without a known time are not listed then."""
        return self.taken_from is not None or self.taken_until is not None

    def names(self, album: str) -> tuple[str, str] | None:
        """Return the range of object names of the folder, ``low <= name < high``; None for every name."""
        if not self.folder:
            return None
        return f"{album}/{self.folder}/", f"{album}/{self.folder}0"  # 0 is the character after the slash

    @property
    def times(self) -> tuple[str | None, str | None]:
        """The time window as a range of `image.taken_at`, ``low <= taken_at < high``; None: open.

        Those are ISO 8601 strings, with fractions only where they are not 0, and perhaps with a time zone, which does
        not count. The full stop follows both signs of a zone, so it is the end of all strings of one moment.
        """
        return (
            self.taken_from.isoformat() if self.taken_from else None,
            f"{self.taken_until.isoformat()}." if self.taken_until else None,
        )

    def position(self, photo: PhotoRef, fields: Mapping[str, Any]) -> Position:
        """Return the place of a listed photo, with the `fields` of its document: sorts as photos are listed."""
        of_name = (photo.name, photo.photo_id)
        return (fields["image"]["taken_at"], *of_name) if self.by_time else of_name
