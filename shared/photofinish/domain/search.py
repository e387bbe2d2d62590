"""A search of an album: what can be asked, what speaks for a photo, and how that becomes one score.

*Who* is asked for by embeddings, a bib number or a name: a photo needs one of them, and the more agree the higher it
scores. *What, when and where* (text, time window, camera, folder) every photo found must meet. The score is the mean of
the parts that the query asks for, weighted; a part that the query does not ask for does not count.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from photofinish.domain.bib import Bib
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef

MAX_EMBEDDINGS = 5
MAX_LIMIT = 200
MAX_TEXT_CHARS = 200


class Part(StrEnum):
    """What a score is made of."""

    FACE = "face"
    BIB = "bib"
    NAME = "name"
    TEXT = "text"
    TIME = "time"
    QUALITY = "quality"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much each part counts, 0 or more; only their ratios matter."""

    face: float = 1.0
    bib: float = 0.8
    name: float = 1.0
    text: float = 0.3
    time: float = 0.1
    quality: float = 0.05

    def __post_init__(self) -> None:
        values = {weight.name: getattr(self, weight.name) for weight in fields(self)}
        for name, value in values.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"the weight of {name!r} is a number of 0 or more, not {value}")

    def of(self, part: Part) -> float:
        return float(getattr(self, part.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFilter:
    """What every photo of an answer must meet; None asks for nothing.

    Times are the camera's own clock, without a zone, as photos have them: a zone that a camera did record is left
    aside. Photos without a time are in no time window.
    """

    taken_from: datetime | None = None
    taken_until: datetime | None = None
    """Both ends belong to the window."""
    camera: str | None = None
    """Make and model exactly as the photo's record tells them."""
    folder: str | None = None
    """Path below the album, without slashes around it; folders in it are meant too."""
    text: str | None = None
    """Each of its words must be read in the photo, also as a part of a longer word; case and accents do not matter."""

    def __post_init__(self) -> None:
        for end in (self.taken_from, self.taken_until):
            if end is not None and end.tzinfo is not None:
                raise ValueError("a time window is given in the camera's own time, without a time zone")
        if self.taken_from and self.taken_until and self.taken_from > self.taken_until:
            raise ValueError("the time window ends before it begins")
        if self.text is not None and not words(self.text):
            raise ValueError("the text to search for has no letter or digit in it")

    @property
    def asks(self) -> bool:
        """Whether it leaves any photo out."""
        return self != _EVERYTHING

    def passes(self, photo: PhotoRef, *, taken_at: datetime | None, camera: str | None, lines: Iterable[str]) -> bool:
        """Whether a photo, in which `lines` were read, meets it."""
        folder = folder_of(photo)
        return (
            (self.taken_from is None or (taken_at is not None and taken_at >= self.taken_from))
            and (self.taken_until is None or (taken_at is not None and taken_at <= self.taken_until))
            and (self.camera is None or self.camera == camera)
            and (self.folder is None or folder == self.folder or folder.startswith(f"{self.folder}/"))
            and (self.text is None or _has_words(lines, words(self.text)))
        )


_EVERYTHING = PhotoFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """One question to an album; at least one of the criteria is there."""

    album: str
    embeddings: tuple[Embedding, ...] = ()
    """Up to five pictures of one person, all of one embedding space."""
    bib: str | None = None
    name: str | None = None
    where: PhotoFilter = field(default_factory=PhotoFilter)
    limit: int = 20
    cursor: str | None = None
    """`next_cursor` of the page before; everything else of the query must be as it was, apart from `limit`."""
    min_similarity: float | None = None
    """Cosine below which a face is somebody else's; None takes the embedding space's own threshold."""
    weights: Weights = field(default_factory=Weights)

    def __post_init__(self) -> None:
        if len(self.embeddings) > MAX_EMBEDDINGS:
            raise ValueError(f"a search takes at most {MAX_EMBEDDINGS} embeddings, not {len(self.embeddings)}")
        if len({embedding.space for embedding in self.embeddings}) > 1:
            raise ValueError("the embeddings of one search come from one embedding space")
        if len({embedding.vector.size for embedding in self.embeddings}) > 1:
            raise ValueError("the embeddings of one search have one dimension")
        if not (self.embeddings or self.bib or self.name or self.where.asks):
            raise ValueError("a search asks for something: a face, a bib, a name, a text, a time, a camera or a folder")
        for what, value in (("bib", self.bib), ("name", self.name), ("text", self.where.text)):
            if value is not None and len(value) > MAX_TEXT_CHARS:
                raise ValueError(f"the {what} has {len(value)} characters, at most {MAX_TEXT_CHARS} are taken")
        if self.name is not None and not words(self.name):
            raise ValueError("the name to search for has no letter or digit in it")
        if not 1 <= self.limit <= MAX_LIMIT:
            raise ValueError(f"limit is 1 to {MAX_LIMIT}, not {self.limit}")
        if not any(self.weights.of(part) for part in self.parts):
            raise ValueError("the weights of everything that is asked for are 0")
        if self.min_similarity is not None and not -1 <= self.min_similarity <= 1:
            raise ValueError(f"min_similarity is a cosine, -1 to 1, not {self.min_similarity}")

    @property
    def parts(self) -> tuple[Part, ...]:
        """What photos are scored by, in the order of :class:`Part`; quality always."""
        asked = {
            Part.FACE: bool(self.embeddings),
            Part.BIB: self.bib is not None,
            Part.NAME: self.name is not None,
            Part.TEXT: self.where.text is not None,
            Part.TIME: self.where.taken_from is not None and self.where.taken_until is not None,
            Part.QUALITY: True,
        }
        return tuple(part for part in Part if asked[part])


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceEvidence:
    """A face of the photo that is similar to what was asked for."""

    face_id: str
    box: Box
    similarity: float
    """Cosine to the nearest of the query's embeddings and their centroid."""
    support: float
    """0 to 1: how much the album's faces nearest to this one are those nearest to what was asked for."""
    detection_score: float
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BibEvidence:
    """A number read in the photo, or offered for a face of it by a number read on another one."""

    number: str
    """The likeliest reading; with a start list the number asked for may be another that it could be."""
    ocr_score: float | None
    """As the number asked for. Of an offered one that of the evidence; None where somebody only said so."""
    partial: bool
    box: Box | None
    """None where the number is offered: it was not read here."""
    face_id: str | None
    """Whose number it is."""
    face_box: Box | None
    offered: bool = False
    """The face's person wears the number on other photos, or somebody said that they do."""
    evidence_photo_id: str | None = None
    """Where an offered number was read best."""
    evidence_face_id: str | None = None
    """The same person's face there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEvidence:
    """Why the photo may show somebody of that name: a number of the start list, or the face of a known person."""

    name: str
    """As the start list or the person has it."""
    number: str | None = None
    person_id: str | None = None
    bib: BibEvidence | None = None
    face: FaceEvidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEvidence:
    """The lines of the photo that the words asked for were read in."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPart:
    """One part of a photo's score."""

    part: Part
    value: float
    """0 to 1."""
    weight: float
    """The query's, so that all weights of a score add up to 1."""
    contribution: float
    """Value times weight; a score is the sum of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPhoto:
    """A photo of an answer and what speaks for it."""

    photo: PhotoRef
    score: float
    """0 to 1."""
    parts: tuple[ScoredPart, ...]
    """Those that the query asks for, in the order of :class:`Part`."""
    face: FaceEvidence | None = None
    bib: BibEvidence | None = None
    name: NameEvidence | None = None
    text: TextEvidence | None = None
    taken_at: datetime | None = None
    """By the camera's own clock, without a zone."""
    camera: str | None = None
    width: int
    height: int
    """Of the upright photo, in pixels."""
    sharpness: float
    pipeline_version: str

    @property
    def face_box(self) -> Box | None:
        """The face to draw a box around; None where only other things speak for the photo."""
        name = self.name
        boxes = (
            self.face and self.face.box,
            self.bib and self.bib.face_box,
            name and name.face and name.face.box,
            name and name.bib and name.bib.face_box,
        )
        return next((box for box in boxes if box), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """Photos in falling score, equal ones by photo id."""

    photos: tuple[ScoredPhoto, ...]
    next_cursor: str | None
    """For the following page; None where this is the last."""
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Where a name was asked for: the start list's numbers of that name, and the name of each."""


def folder_of(photo: PhotoRef) -> str:
    """The folder of a photo below its album, without slashes around it: `race/cam2/a/IMG_1.jpg` is in `cam2/a`."""
    return photo.name.removeprefix(f"{photo.album}/").rpartition("/")[0].strip("/")


def other_numbers(bib: Bib) -> dict[str, float]:
    """The other numbers that a bib may show, each with the `ocr_score` that the bib would have as this number."""
    own = next((candidate.probability for candidate in bib.candidates if candidate.number == bib.number), 1.0)
    return {
        candidate.number: bib.ocr_score * min(candidate.probability / own, 1.0)
        for candidate in bib.candidates
        if candidate.number != bib.number
    }


def _has_words(lines: Iterable[str], wanted: Sequence[str]) -> bool:
    read = "\n".join(" ".join(words(line)) for line in lines)
    return all(word in read for word in wanted)


def words(text: str) -> list[str]:
    """The words of `text` as they are compared: lower case, no accents, letters and digits only."""
    plain = unicodedata.normalize("NFKD", text)
    kept = (character if character.isalnum() else " " for character in plain if not unicodedata.combining(character))
    return "".join(kept).lower().split()
