"""What speaks for a photo in a search: gathered piece by piece, of each kind the best kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from photofinish.domain.bib_links import InferredFace
from photofinish.domain.scoring import offered_value, text_value
from photofinish.domain.search import BibEvidence, FaceEvidence, NameEvidence, SearchQuery, words
from photofinish.ports import IndexedPhoto, SeenBib


@dataclass(slots=True)
class Evidence:
    """What speaks for one photo, each with its value from 0 to 1."""

    face: tuple[float, FaceEvidence] | None = None
    bib: tuple[float, BibEvidence] | None = None
    name: tuple[float, NameEvidence] | None = None

    def add_face(self, value: float, face: FaceEvidence) -> None:
        if self.face is None or (value, self.face[1].face_id) > (self.face[0], face.face_id):
            self.face = value, face

    def add_bib(self, value: float, bib: BibEvidence) -> None:
        if self.bib is None or value > self.bib[0]:
            self.bib = value, bib

    def add_name(self, value: float, name: NameEvidence) -> None:
        if self.name is None or value > self.name[0]:
            self.name = value, name

    def best_face(self) -> FaceEvidence | None:
        return self.face[1] if self.face else self.name[1].face if self.name else None


def add_bib(evidence: Evidence, bib: SeenBib, query: SearchQuery, entrants: Mapping[str, str]) -> None:
    """Add what a number that was read says of the number and the name asked for."""
    seen = BibEvidence(
        number=bib.number,
        ocr_score=bib.ocr_score,
        partial=bib.partial,
        box=bib.box,
        face_id=bib.face_id,
        face_box=bib.face_box,
    )
    if bib.asked == query.bib:
        evidence.add_bib(bib.ocr_score, seen)
    if bib.asked in entrants:
        name = NameEvidence(name=entrants[bib.asked], number=bib.asked, bib=seen)
        evidence.add_name(bib.ocr_score * likeness(query, name), name)


def add_offered(
    found: defaultdict[str, Evidence],
    photos: Mapping[str, IndexedPhoto],
    offered: Sequence[InferredFace],
    query: SearchQuery,
) -> None:
    """Add what faces say of the number asked for, on those of `photos` that meet the query."""
    for one in offered:
        photo = photos.get(one.face.photo_id)
        if photo is None or not query.where.passes(
            photo.photo, taken_at=photo.taken_at, camera=photo.camera, lines=photo.lines
        ):
            continue
        assert query.bib is not None
        seen = one.evidence
        bib = BibEvidence(
            number=query.bib,
            ocr_score=seen.ocr_score if seen else None,
            partial=seen.partial if seen else False,
            box=None,
            face_id=one.face.face_id,
            face_box=one.face.box,
            offered=True,
            evidence_photo_id=seen.photo.photo_id if seen else None,
            evidence_face_id=seen.face_id if seen else None,
        )
        found[one.face.photo_id].add_bib(offered_value(one.score), bib)


def likeness(query: SearchQuery, name: NameEvidence) -> float:
    """How much of the name asked for the name found has."""
    assert query.name is not None
    return text_value(words(query.name), [name.name])
