"""What a search answers: a page of scored photos, each with the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from photofinish.domain.depiction import Label
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import Part
from photofinish.domain.video import scene_of
from photofinish.domain.word_matching import MatchedWord


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceEvidence:
    """A face of the photo that is similar to the query's embeddings."""

    face_id: str
    box: Box
    similarity: float
    """Cosine to the nearest of the query's embeddings and their centroid, rounded to steps."""
    is_certain: bool
    """Whether the calibration of the embedding space says that no one needs to check."""
    shared_neighbours: float
    """0 to 1, rounded to tenths: how far the faces nearest to this one and those nearest to the query are the same."""
    detection_score: float
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BestMatch:
    """What an answer says about a template: the found face that is most similar to one embedding of the query."""

    face_id: str
    similarity: float
    """Rounded, and raised by shared neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BibEvidence:
    """A number that was read in the photo, or inferred for a face in it from other photos of the same person."""

    number: str
    """The most likely reading; with a start list the requested number may be another candidate of it."""
    ocr_score: float | None
    """Of the requested number. If inferred, that of the best reading, or None if a user confirmed the number."""
    partial: bool
    box: Box | None
    """None for an inferred number, which was not read in this photo, and if a user did not say where it is."""
    face_id: str | None
    """The face of the person who wears the number."""
    face_box: Box | None
    by_hand: bool = False
    """Whether a user set the number in this photo."""
    inferred: bool = False
    confirmed: bool = False
    """Of an inferred number: whether a user confirmed it for the person; False if it was only read elsewhere."""
    evidence_photo_id: str | None = None
    """For an inferred number: the photo with its best reading."""
    evidence_face_id: str | None = None
    """The same person's face in that photo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEvidence:
    """Why the photo may show a person of the requested name: a number of the start list, or the person's face."""

    name: str
    """As in the start list, or the person's."""
    number: str | None = None
    person_id: str | None = None
    bib: BibEvidence | None = None
    face: FaceEvidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepictionEvidence:
    """What the photo shows, and how similar that is to the description."""

    similarity: float
    """Cosine."""
    labels: tuple[Label, ...]
    """The likeliest first; empty in spaces without labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPart:
    """One part of a photo's score."""

    part: Part
    value: float
    """0 to 1."""
    weight: float
    """The weights of a score add up to 1."""
    contribution: float
    """Value times weight; the score is the sum of the contributions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundInVideo:
    """Where in a video the evidence is."""

    duration_s: float
    at_s: float | None
    """When who was searched for is seen best; None where the search has no face, number or name."""
    scene: int | None
    """Number of the scene at that time, from 0."""
    scene_start_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedPhoto:
    """A found photo that is shown under the best one of its burst."""

    photo: PhotoRef
    pipeline_version: str
    placeholder: bytes | None
    width: int
    height: int
    face: FaceEvidence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPhoto:
    """A photo of an answer, with the evidence for it."""

    photo: PhotoRef
    score: float
    """0 to 1."""
    parts: tuple[ScoredPart, ...]
    """Those of the query, in the order of :class:`Part`."""
    face: FaceEvidence | None = None
    bib: BibEvidence | None = None
    name: NameEvidence | None = None
    words: tuple[MatchedWord, ...] | None = None
    """The words of the description that fit what was read, in its order; None if the query has no description."""
    depiction: DepictionEvidence | None = None
    text: tuple[str, ...] | None = None
    """The lines that any of the query's words was read in; None if the query has no text."""
    taken_at: datetime | None = None
    """By the camera's clock, without a time zone."""
    corrected_at: datetime | None = None
    """`taken_at` with the shift of the camera's clock."""
    camera: str | None = None
    width: int
    height: int
    """Of the upright photo, in pixels."""
    sharpness: float
    pipeline_version: str
    placeholder: bytes | None = None
    """As of :class:`IndexedPhoto`."""
    duration_s: float | None = None
    """Of a video; None of a photo."""
    scene_starts: tuple[float, ...] = ()
    folded: tuple[FoldedPhoto, ...] | None = None
    """The other found photos of its burst, the best first; None if bursts are not collapsed."""

    @property
    def face_box(self) -> Box | None:
        """The box of the person who was found, in the photo's picture; None if no evidence has a face.

        Also None in a video: its picture is of another moment.
        """
        return next((box for box in self._face_boxes if box.at_s is None), None)

    @property
    def in_video(self) -> FoundInVideo | None:
        """Where in a video the evidence is; None for a photo."""
        if self.duration_s is None:
            return None
        bibs = (self.bib, self.name and self.name.bib)
        places = [*self._face_boxes, *(bib.box for bib in bibs if bib and bib.box)]
        at_s = next((box.at_s for box in places if box.at_s is not None), None)
        scene = None if at_s is None else scene_of(self.scene_starts, at_s)
        return FoundInVideo(
            duration_s=self.duration_s,
            at_s=at_s,
            scene=scene,
            scene_start_s=None if scene is None else self.scene_starts[scene],
        )

    @property
    def _face_boxes(self) -> list[Box]:
        name = self.name
        boxes = (
            self.face and self.face.box,
            self.bib and self.bib.face_box,
            name and name.face and name.face.box,
            name and name.bib and name.bib.face_box,
        )
        return [box for box in boxes if box]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """Photos by descending score, ties by photo id.

    Where bursts are collapsed, by the highest score in each burst.
    """

    photos: tuple[ScoredPhoto, ...]
    next_cursor: str | None
    """For the next page; None on the last."""
    best_matches: tuple[BestMatch, ...] = ()
    """Of each embedding of the query, and of the centroid of several, that found a face."""
    numbers: Mapping[str, str] = field(default_factory=dict)
    """For a search by name: number to name, of the start list's matching entries."""
