"""A search of an album: the query, and the photos that its filter lets through.

A query says *who* or *what* is searched for (embeddings, a bib number, a name, a description): a photo must match at
least one of them, or each if so asked, and the more it matches the higher it scores. Its *filter* (text, time window,
camera, folder) must be met by every photo. The score is the weighted mean of the query's parts; what a query leaves
open does not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from photofinish.domain.bib_number import normal_number
from photofinish.domain.depiction import SimilarityScale
from photofinish.domain.face import Embedding
from photofinish.domain.photo import PhotoRef, album_name
from photofinish.domain.word_matching import is_number
from photofinish.domain.words import MIN_NAME_WORD, searchable, words
from photofinish.errors import InvalidQuery

MAX_EMBEDDINGS = 5
MAX_LIMIT = 200
MAX_TEXT_CHARS = 200
MAX_NAME_WORDS = 6
"""Words of a description that names are looked up by."""


class Part(StrEnum):
    """A part of a score."""

    FACE = "face"
    BIB = "bib"
    NAME = "name"
    WORDS = "words"
    """What was read, against the words of the description."""
    VISION = "vision"
    """What the photo shows, against the description."""
    TEXT = "text"
    TIME = "time"
    QUALITY = "quality"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much each part of the score counts, 0 or more; only their ratios matter."""

    face: float = 1.0
    bib: float = 0.8
    name: float = 1.0
    words: float = 0.5
    vision: float = 0.35
    text: float = 0.3
    time: float = 0.1
    quality: float = 0.05

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if not (math.isfinite(value) and value >= 0):
                raise InvalidQuery(f"The weight of '{part.name}' must be a number of 0 or more, not {value}.")

    def of(self, part: Part) -> float:
        return float(getattr(self, part.value))


class Fusion(StrEnum):
    """How the parts of a score become one."""

    WEIGHTED = "weighted"
    """The weighted mean of their values."""
    RANKS = "rrf"
    """Reciprocal rank fusion (Cormack et al. 2009): each part counts by the photo's place in its order alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What photos are to show or to have on them, in words of any language.

    Raises:
        InvalidQuery: the text has no letter or digit, or is too long.
    """

    text: str
    place: Embedding | None = None
    """Of the text, in the embedding space that photos are searched in; None: only what was read is searched."""
    scale: SimilarityScale | None = None
    """What cosines mean in that space; given with `place`."""
    with_names: bool = False
    """Whether photos of people count whose name has a word of the text."""
    words: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Each once, in their order."""

    def __post_init__(self) -> None:
        assert (self.place is None) == (self.scale is None)
        object.__setattr__(self, "words", tuple(dict.fromkeys(_query_words("description", self.text))))

    @property
    def name_words(self) -> tuple[str, ...]:
        """The words that may be of a name, a few at most."""
        if not self.with_names:
            return ()
        return tuple(word for word in self.words if len(word) >= MIN_NAME_WORD and not is_number(word))[:MAX_NAME_WORDS]


@dataclass(frozen=True, kw_only=True)
class IndexedPhoto:
    """A photo as the index has it."""

    photo: PhotoRef
    pipeline_version: str
    taken_at: datetime | None
    """By the camera's clock, without a time zone."""
    corrected_at: datetime | None
    """`taken_at` with the shift of the camera's clock: what time windows compare."""
    camera: str | None
    lines: tuple[str, ...]
    """The text that was read."""
    sharpness: float
    width: int
    height: int
    """Of the upright photo, in pixels."""
    placeholder: bytes | None = None
    """A ThumbHash without faces. None, and no thumbnail, for photos that were analysed before there were any."""
    duration_s: float | None = None
    """Of a video; None of a photo."""
    scene_starts: tuple[float, ...] = ()
    """Of a video: when each of its scenes begins."""

    @cached_property
    def searchable_lines(self) -> tuple[str, ...]:
        return tuple(map(searchable, self.lines))

    @cached_property
    def searchable_text(self) -> str:
        return "\n".join(self.searchable_lines)

    @cached_property
    def read_words(self) -> frozenset[str]:
        """The words of the text, as searches compare them."""
        return frozenset(self.searchable_text.split())

    def lines_with(self, words: Sequence[str]) -> tuple[str, ...]:
        """The lines that any of the words was read in."""
        pairs = zip(self.lines, self.searchable_lines, strict=True)
        return tuple(line for line, read in pairs if any(word in read for word in words))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFilter:
    """Conditions that every photo of an answer must meet; a field that is None is no condition.

    Times are compared with the camera's clock, shifted where it is known to be off; a zone that the camera recorded
    is ignored. A photo without a time is in no time window.
    """

    taken_from: datetime | None = None
    taken_until: datetime | None = None
    """Both ends are inclusive."""
    camera: str | None = None
    """Make and model, exactly as the photo's metadata has them."""
    folder: str | None = None
    """Path below the album, without leading or trailing slash; includes the folders inside it."""
    text: str | None = None
    """Each of its words must be read in the photo, also inside a longer word; case and accents are ignored."""
    photo_ids: frozenset[str] | None = None
    """Only these photos."""
    words: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Those of `text`."""

    def __post_init__(self) -> None:
        for end in (self.taken_from, self.taken_until):
            if end is not None and end.tzinfo is not None:
                raise InvalidQuery("Give the time window by the camera's clock, without a time zone.")
        if self.taken_from and self.taken_until and self.taken_from > self.taken_until:
            raise InvalidQuery("The time window ends before it starts.")
        object.__setattr__(self, "words", _query_words("text", self.text))

    @property
    def is_empty(self) -> bool:
        """Whether every photo meets it."""
        return self == _EMPTY

    def matches(self, photo: IndexedPhoto) -> bool:
        taken_at, folder = photo.corrected_at, folder_of(photo.photo)
        return (
            (self.taken_from is None or (taken_at is not None and taken_at >= self.taken_from))
            and (self.taken_until is None or (taken_at is not None and taken_at <= self.taken_until))
            and (self.camera is None or self.camera == photo.camera)
            and (self.folder is None or folder == self.folder or folder.startswith(f"{self.folder}/"))
            and (self.photo_ids is None or photo.photo.photo_id in self.photo_ids)
            and all(word in photo.searchable_text for word in self.words)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What to search an album for: at least one criterion.

    Raises:
        InvalidQuery: it has no criterion, or one that cannot be searched for.
    """

    album: str
    embeddings: tuple[Embedding, ...] = ()
    """Up to five faces of one person, all of one embedding space."""
    are_vectors: bool = False
    """Whether `embeddings` are numbers that the caller chose; then neighbours do not raise the similarity of a face."""
    bib: str | None = None
    """Written in any way; kept in the normal form of numbers."""
    name: str | None = None
    about: Description | None = None
    must_match_all: bool = False
    """Whether photos must match each of embeddings, bib, name and description that there is, not only one of them."""
    where: PhotoFilter = field(default_factory=PhotoFilter)
    limit: int = 20
    cursor: str | None = None
    """`next_cursor` of the previous page; everything else but `limit` must be the same as for that page."""
    min_similarity: float | None = None
    """Cosine from which a face counts as the person's, not below the calibrated threshold; None: this threshold."""
    weights: Weights = field(default_factory=Weights)
    fusion: Fusion = Fusion.WEIGHTED
    collapse_bursts: bool = False
    """Whether of each burst only the best of the found photos is answered, with the others folded under it."""
    name_words: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name_words", _query_words("name", self.name))
        if self.bib is not None:
            object.__setattr__(self, "bib", normal_number(self.bib))
        if len(self.embeddings) > MAX_EMBEDDINGS:
            raise InvalidQuery(f"Search with at most {MAX_EMBEDDINGS} embeddings, not {len(self.embeddings)}.")
        if len({embedding.space for embedding in self.embeddings}) > 1:
            raise InvalidQuery("All embeddings of a search must be of one embedding space.")
        if len({embedding.vector.size for embedding in self.embeddings}) > 1:
            raise InvalidQuery("All embeddings of a search must have the same number of dimensions.")
        if not self.has_subject and self.where.is_empty:
            raise InvalidQuery(
                "Search for at least one of: face, bib number, name, description, text, time, camera, folder."
            )
        if self.bib is not None and len(self.bib) > MAX_TEXT_CHARS:
            raise InvalidQuery(_too_long("bib", self.bib))
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidQuery(f"'limit' must be 1 to {MAX_LIMIT}, not {self.limit}.")
        if not any(self.weights.of(part) for part in self.parts):
            raise InvalidQuery("At least one of the query's parts needs a weight above 0.")
        if self.min_similarity is not None and not -1 <= self.min_similarity <= 1:
            raise InvalidQuery(f"'min_similarity' is a cosine: it must be -1 to 1, not {self.min_similarity}.")

    @property
    def has_subject(self) -> bool:
        """Whether it says who or what is searched for, not only which photos."""
        return bool(self.subjects)

    @property
    def subjects(self) -> tuple[tuple[Part, ...], ...]:
        """Who or what is searched for: of each the parts of the score that match it."""
        return tuple(
            parts
            for parts, is_given in (
                ((Part.FACE,), bool(self.embeddings)),
                ((Part.BIB,), self.bib is not None),
                ((Part.NAME,), self.name is not None),
                ((Part.WORDS, Part.VISION, Part.NAME), self.about is not None),
            )
            if is_given
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        """What photos are scored by, in the order of :class:`Part`; always includes quality."""
        scored = {
            Part.FACE: bool(self.embeddings),
            Part.BIB: self.bib is not None,
            Part.NAME: self.name is not None or (self.about is not None and self.about.with_names),
            Part.WORDS: self.about is not None,
            Part.VISION: self.about is not None and self.about.place is not None,
            Part.TEXT: self.where.text is not None,
            Part.TIME: self.where.taken_from is not None and self.where.taken_until is not None,
            Part.QUALITY: True,
        }
        return tuple(part for part in Part if scored[part])


def check_query_dimension(queries: Sequence[Embedding], dimension: int) -> None:
    """Check that query embeddings have the dimension that their embedding space has in the index.

    Raises:
        InvalidQuery: one of them has another.
    """
    for query in queries:
        if query.vector.size != dimension:
            raise InvalidQuery(
                f"Embeddings of this embedding space have {dimension} dimensions here, not {query.vector.size}."
            )


def folder_of(photo: PhotoRef) -> str:
    """The folder of a photo below its album, without slashes around it: `race/cam2/a/IMG_1.jpg` is in `cam2/a`."""
    first, _, inner = photo.name.partition("/")
    # Photos of the default album lie at the root, or in a folder whose name cannot be an album's.
    in_album = inner if album_name(first) == photo.album else photo.name
    return in_album.rpartition("/")[0].strip("/")


def _query_words(criterion: str, text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidQuery(_too_long(criterion, text))
    found = tuple(words(text))
    if not found:
        raise InvalidQuery(f"The {criterion} to search for has no letter or digit.")
    return found


def _too_long(criterion: str, text: str) -> str:
    return f"The {criterion} to search for may have at most {MAX_TEXT_CHARS} characters, not {len(text)}."


_EMPTY = PhotoFilter()
