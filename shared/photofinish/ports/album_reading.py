"""An album of the index, read by a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.search import IndexedPhoto, PhotoFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFace:
    """A face that a reading of an album came across."""

    face_id: str
    photo_id: str
    box: Box
    detection_score: float
    sharpness: float
    quality: float


class NearFaces(Protocol):
    """Faces near to what was asked for, in no order."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Their embeddings, (N, D), about unit length: the index may keep half precision."""
        ...

    def face(self, row: int) -> SeenFace:
        """The face of this row of `vectors`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBib:
    """A bib that is, or could be, the number asked for."""

    photo_id: str
    asked: str
    """The number asked for."""
    number: str
    """The likeliest reading."""
    ocr_score: float
    """As the number asked for."""
    partial: bool
    box: Box
    face_id: str | None
    face_box: Box | None


class AlbumReading(Protocol):
    """One album as it is at one moment, whatever is written meanwhile; an unknown album is empty."""

    def nearest(self, queries: Sequence[Embedding], *, limit: int, where: PhotoFilter) -> NearFaces:
        """For each of `queries` (one or more, of one space) the `limit` nearest faces on photos that meet `where`.

        Fewer only where there are fewer, whatever `where` leaves out; a few of the farther ones may be missing for
        others that are still farther (the search is approximate).

        Raises:
            InvalidQuery: the queries have another dimension than the index's faces of that space.
        """
        ...

    def bibs(self, numbers: Sequence[str], *, limit: int, where: PhotoFilter) -> list[SeenBib]:
        """Bibs that are or could be one of `numbers`, on photos that meet `where`, best `ocr_score` first."""
        ...

    def photos(self, photo_ids: Sequence[str]) -> dict[str, IndexedPhoto]:
        """The photos of these ids, by id."""
        ...

    def sharpest(self, where: PhotoFilter, *, limit: int) -> dict[str, IndexedPhoto]:
        """The sharpest photos that meet `where`, by photo id, the sharpest first."""
        ...

    def entrants(self, name: str, *, limit: int) -> dict[str, str]:
        """Number to name, of those of the start list whose name has every word of `name`, by number."""
        ...
