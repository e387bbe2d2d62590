"""Evidence that photos show what a search is for; of each kind the best of a photo counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from photofinish.application.search.similar_faces import SimilarFace
from photofinish.domain.bib_links import InferredFace
from photofinish.domain.search import IndexedPhoto, Part, SearchQuery
from photofinish.domain.search_results import BestMatch, BibEvidence, DepictionEvidence, FaceEvidence, NameEvidence
from photofinish.domain.word_matching import MatchedWord
from photofinish.domain.words import searchable, text_match
from photofinish.ports import SeenBib

# An inferred number counts less than any that was read well on the photo itself: what is read with a score below 0.5 is
# no text at all.
INFERRED_SHARE = 0.5


@dataclass(slots=True)
class Evidence:
    """The best evidence of each kind for one photo, with its value from 0 to 1."""

    face: tuple[float, FaceEvidence] | None = None
    bib: tuple[float, BibEvidence] | None = None
    name: tuple[float, NameEvidence] | None = None
    depiction: tuple[float, DepictionEvidence] | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    """Score of each number of the description that the photo has."""
    words: tuple[float, tuple[MatchedWord, ...]] | None = None

    def add_face(self, value: float, face: FaceEvidence) -> None:
        if self.face is None or (value, self.face[1].face_id) > (self.face[0], face.face_id):
            self.face = value, face

    def add_bib(self, value: float, bib: BibEvidence) -> None:
        if self.bib is None or value > self.bib[0]:
            self.bib = value, bib

    def add_name(self, value: float, name: NameEvidence) -> None:
        if self.name is None or value > self.name[0]:
            self.name = value, name

    def value(self, part: Part) -> float:
        """How much of it is of a part that is evidence, 0 to 1."""
        found = {
            Part.FACE: self.face,
            Part.BIB: self.bib,
            Part.NAME: self.name,
            Part.WORDS: self.words,
            Part.VISION: self.depiction,
        }[part]
        return found[0] if found else 0.0

    @property
    def best_face(self) -> FaceEvidence | None:
        return self.face[1] if self.face else self.name[1].face if self.name else None


EvidenceByPhoto = defaultdict[str, Evidence]
NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What a search read of an album: the photos to choose from, and the evidence for them, both by photo id."""

    photos: Mapping[str, IndexedPhoto]
    evidence: Mapping[str, Evidence]
    entrants: Mapping[str, str]
    """Number to name, of the start list's entries with the requested name."""
    best_matches: tuple[BestMatch, ...] = ()
    """See :class:`SearchPage`."""
    bursts: tuple[Sequence[str], ...] | None = None
    """Ids of the photos of each burst among `photos`, the best first; None if bursts are not collapsed."""


def add_faces(evidence: EvidenceByPhoto, faces: Iterable[SimilarFace]) -> None:
    """Add faces that are similar to the query's embeddings."""
    for similar in faces:
        evidence[similar.photo_id].add_face(similar.probability, similar.evidence)


def add_namesake(
    evidence: EvidenceByPhoto, faces: Iterable[SimilarFace], query: SearchQuery, *, name: str, person_id: str
) -> None:
    """Add faces that are similar to a person with the requested name."""
    similarity = name_similarity(query, name)
    for similar in faces:
        found = NameEvidence(name=name, person_id=person_id, face=similar.evidence)
        evidence[similar.photo_id].add_name(similar.probability * similarity, found)


def add_bibs(
    evidence: EvidenceByPhoto, bibs: Iterable[SeenBib], query: SearchQuery, entrants: Mapping[str, str]
) -> None:
    """Add readings of the requested number, and of the numbers of `entrants` with the requested name."""
    similarities = {number: name_similarity(query, name) for number, name in entrants.items()}
    for bib in bibs:
        number = bib.requested
        read = bib_evidence(bib)
        if number == query.bib:
            evidence[bib.photo_id].add_bib(bib.ocr_score, read)
        if number in entrants:
            name = NameEvidence(name=entrants[number], number=number, bib=read)
            evidence[bib.photo_id].add_name(bib.ocr_score * similarities[number], name)


def bib_evidence(bib: SeenBib) -> BibEvidence:
    return BibEvidence(
        number=bib.number,
        ocr_score=bib.ocr_score,
        partial=bib.partial,
        box=bib.box,
        face_id=bib.face_id,
        face_box=bib.face_box,
        by_hand=bib.by_hand,
    )


def add_inferred(
    evidence: EvidenceByPhoto, photos: Mapping[str, IndexedPhoto], query: SearchQuery, faces: Sequence[InferredFace]
) -> None:
    """Add faces of people who wear the requested number, on those of `photos` that meet the filter."""
    for inferred in faces:
        photo = photos.get(inferred.face.photo_id)
        if query.bib is None or photo is None or not query.where.matches(photo):
            continue
        best = inferred.evidence
        bib = BibEvidence(
            number=query.bib,
            ocr_score=best.ocr_score if best else None,
            partial=best.partial if best else False,
            box=None,
            face_id=inferred.face.face_id,
            face_box=inferred.face.box,
            inferred=True,
            confirmed=inferred.confirmed,
            evidence_photo_id=best.photo.photo_id if best else None,
            evidence_face_id=best.face_id if best else None,
        )
        evidence[inferred.face.photo_id].add_bib(INFERRED_SHARE * inferred.score, bib)


def name_similarity(query: SearchQuery, name: str) -> float:
    """How well `name` matches the requested name, 0 to 1."""
    return text_match(query.name_words, searchable(name))
