"""Reading one album of the index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.burst import Shot
from photofinish.domain.depiction import Label
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.search import IndexedPhoto, PhotoFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFace:
    """A face of the index, without its embedding."""

    face_id: str
    photo_id: str
    box: Box
    detection_score: float
    sharpness: float
    quality: float


class NearFaces(Protocol):
    """Faces near to a query, in no order."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Their embeddings, (N, D), about unit length: the index may store half precision."""
        ...

    def face(self, row: int) -> SeenFace:
        """Return the face of this row of `vectors`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBib:
    """A bib that is, or may be, the requested number."""

    photo_id: str
    requested: str
    """The requested number."""
    number: str
    """The most likely number."""
    ocr_score: float
    """Of the requested number."""
    partial: bool
    box: Box | None
    """None if a user added the number without saying where it is."""
    by_hand: bool
    """Whether a user set the number."""
    face_id: str | None
    face_box: Box | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDepiction:
    """What a photo of the index shows."""

    photo_id: str
    similarity: float
    """Cosine to the query."""
    labels: tuple[Label, ...]
    """The likeliest first; empty in spaces without labels."""


class AlbumReading(Protocol):
    """A consistent snapshot of one album; an unknown album is empty."""

    def nearest(self, queries: Sequence[Embedding], *, limit: int, where: PhotoFilter) -> NearFaces:
        """Return for each of `queries` (at least one, all of one space) the `limit` nearest faces that `where` allows.

        Returns fewer only if no more exist, however strict `where` is. The search is approximate: a few of the more
        distant faces may be replaced by even more distant ones.

        Raises:
            InvalidQuery: the queries have another dimension than the index's faces of that space.
        """
        ...

    def depictions(self, query: Embedding, *, limit: int, where: PhotoFilter) -> list[SeenDepiction]:
        """Return the `limit` photos that `where` allows whose depictions are the nearest to `query`, nearest first.

        Ties go by photo id. Returns fewer only if no more have one in the query's space. As approximate as
        :meth:`nearest`.

        Raises:
            InvalidQuery: the query has another dimension than the index's depictions of that space.
        """
        ...

    def with_words(self, words: Sequence[str], *, limit: int, where: PhotoFilter) -> list[str]:
        """Return ids of photos that `where` allows in which any of `words` was read, or one that differs by a letter.

        Those with the most of the words come first. See :func:`photofinish.domain.word_matching.spellings`.
        """
        ...

    def bibs(self, numbers: Sequence[str], *, limit: int, where: PhotoFilter) -> list[SeenBib]:
        """Return bibs that are or may be one of `numbers`, on photos that meet `where`, best `ocr_score` first."""
        ...

    def photos(self, photo_ids: Sequence[str]) -> dict[str, IndexedPhoto]:
        """Return the photos with these ids, by id."""
        ...

    def sharpest(self, where: PhotoFilter, *, limit: int) -> dict[str, IndexedPhoto]:
        """Return the sharpest photos that meet `where`, sharpest first, by photo id."""
        ...

    def shots(self, where: PhotoFilter, *, photo_ids: Sequence[str] | None = None) -> list[Shot]:
        """Return what decides about bursts of the photos that meet `where`, in no order; with `photo_ids` of those."""
        ...

    def entrants(self, name: str, *, limit: int) -> dict[str, str]:
        """Return number to name, ordered by number, of start-list entries that `name` means; see :func:`name_match`."""
        ...
