"""What the database holds of each photo of an album, to compare it with the other stores; and mending single rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from photofinish.domain.album_event import EventType
from photofinish.domain.bib_corrections import BibCorrection, EffectiveBib
from photofinish.domain.erasure import ErasedFace, ErasedParts, parts_of
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEvent:
    """One event of the log about one photo."""

    id: UUID
    type: EventType
    generation: int | None
    position: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRows:
    """All rows about one photo."""

    photo_id: str
    ref: PhotoRef | None = None
    """The version of its row; None where it has none."""
    pipeline_version: str | None = None
    """Of the result that is indexed; None where none is."""
    faces: Mapping[str, Box] = field(default_factory=dict)
    """Face id → box."""
    withheld: Mapping[int, Box] = field(default_factory=dict)
    """Number → box of faces that may not be indexed."""
    depicted_in: str | None = None
    """The embedding space of what it shows; None where the index has nothing of that."""
    read: tuple[EffectiveBib, ...] = ()
    """Its numbers before corrections."""
    rules: str = ""
    """Fingerprint of the rules that `read` follows."""
    bibs: tuple[EffectiveBib, ...] = ()
    """Its numbers as searches find them."""
    corrections: tuple[BibCorrection, ...] = ()
    """Those that apply to the version `ref`, oldest first."""
    revision: int = 0
    """Of its numbers, see :class:`photofinish.domain.bib_changes.PhotoBibs`."""
    erased_generation: int | None = None
    """The newest version that is erased as a whole."""
    erased_faces: tuple[ErasedFace, ...] = ()
    """Of all versions."""
    removed_original: int | None = None
    """The newest version whose original was removed because its album keeps only results."""
    events: tuple[ToldEvent, ...] = ()
    """That the photo was queued, indexed, done, rejected or failed; in the order of the log."""

    def is_erased(self, generation: int) -> bool:
        """Whether this version is erased as a whole."""
        return self.erased_generation is not None and generation <= self.erased_generation

    def erased_parts(self, generation: int) -> ErasedParts:
        """What of this version is erased."""
        faces = (face for face in self.erased_faces if face.generation == generation)
        return parts_of(faces, is_photo=self.is_erased(generation))


class AlbumContents(Protocol):
    """The rows of photos, whatever their state. Photos of Rekognition collections are left out."""

    def knows(self, album: str) -> bool:
        """Whether the database has anything of the album, be it only its policy."""
        ...

    def photo_ids(self, album: str) -> Iterator[str]:
        """Yield the ids of photos with a result or a face in the index, in order, read page by page."""
        ...

    def rows(self, album: str, photo_ids: Collection[str]) -> dict[str, PhotoRows]:
        """Return, by id, the rows about each of these photos, also of those of which there are none."""
        ...

    def events_begin(self) -> datetime | None:
        """Return when the first event that the log has happened; None where it has none."""
        ...

    def remove_result(self, album: str, photo_id: str, *, generation: int | None = None) -> None:
        """Delete what is indexed of a photo, whatever its version; corrections stay.

        With `generation`, this version can be indexed then, also where a newer one was.
        """
        ...

    def remove_repeated_events(self, photo_id: str) -> int:
        """Delete events about a photo whose fact an earlier event tells; return how many there were."""
        ...

    def outdate_people(self, album: str) -> int:
        """Have the documents of all people of an album written again; return how many there are."""
        ...
