"""Infer the bib numbers of a person from the numbers read beside their face, with the photos as evidence.

A number read on one photo identifies the person on all of them. An inferred number never overwrites anything: where
numbers or people contradict each other, all are kept and flagged for a user to decide.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef

# Even a perfectly read number may belong to a person standing beside the face.
WORN_BY_THE_FACE = 0.9


class NumberState(StrEnum):
    """What a user decided about a number of a person."""

    INFERRED = "inferred"
    """Nothing yet: only inferred."""
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class ConflictKind(StrEnum):
    """What contradicts a number of a person."""

    OTHER_NUMBER = "other_number"
    """The same person has another number."""
    OTHER_PERSON = "other_person"
    """Another person has the same number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberEvidence:
    """A number read beside a face of a person."""

    person_id: str
    number: str
    ocr_score: float
    partial: bool
    """Whether digits are probably missing."""
    face_id: str
    photo: PhotoRef
    box: Box | None
    """Of the number; None if a user added it without saying where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberConflict:
    """Something that contradicts a number."""

    kind: ConflictKind
    number: str
    person_id: str
    score: float
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonNumber:
    """A number that a person may wear."""

    person_id: str
    number: str
    state: NumberState
    score: float
    """0 to 1: probability given the evidence; 1 for a confirmed number, 0 for a rejected one."""
    evidence: tuple[NumberEvidence, ...]
    """Best first, at most one per photo; empty for a number that was confirmed without any."""
    part_of: str | None = None
    """A longer number of the same person of which this one is probably a partial reading."""
    conflicts: tuple[NumberConflict, ...] = ()
    """Strongest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceOfPerson:
    """A face of a person and its position on a photo."""

    person_id: str
    face_id: str
    photo_id: str
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class InferredFace:
    """A face of a person who wears a number, as far as is known; the number need not be visible on its photo."""

    face: FaceOfPerson
    score: float
    """0 to 1: probability that the face's person wears the number."""
    confirmed: bool
    """Whether a user confirmed the number for the person."""
    evidence: NumberEvidence | None
    """The best reading of the number beside a face of the person; None for a number confirmed without a reading."""


def person_numbers(
    evidence: Sequence[NumberEvidence], decisions: Mapping[tuple[str, str], bool]
) -> dict[str, list[PersonNumber]]:
    """Person id → the person's numbers in `evidence` or `decisions`, best first, with their conflicts.

    `decisions` maps (person id, number) to True for confirmed and False for rejected. Conflicts are only found among
    the given people: to find those of one person, include everyone who shares a number with them.
    """
    found: dict[tuple[str, str], list[NumberEvidence]] = defaultdict(list)
    for one in evidence:
        found[one.person_id, one.number].append(one)
    numbers: dict[str, list[PersonNumber]] = defaultdict(list)
    for person_id, number in sorted(found.keys() | decisions.keys()):
        numbers[person_id].append(_number(person_id, number, found[person_id, number], decisions))
    whole = {
        person_id: [_with_whole(number, own) for number in sorted(own, key=lambda n: (-n.score, n.number))]
        for person_id, own in numbers.items()
    }
    claims: dict[str, list[PersonNumber]] = defaultdict(list)
    for own in whole.values():
        for claim in own:
            if _is_claim(claim):
                claims[claim.number].append(claim)
    return {
        person_id: [_with_conflicts(number, own, claims[number.number]) for number in own]
        for person_id, own in whole.items()
    }


def worn_numbers(numbers: Iterable[PersonNumber]) -> list[str]:
    """The numbers that count as a person's, in order: without rejected ones and partial readings of others."""
    return [number.number for number in numbers if number.state is not NumberState.REJECTED and number.part_of is None]


def inferred_faces(
    number: str, faces: Iterable[FaceOfPerson], numbers: Mapping[str, Sequence[PersonNumber]]
) -> list[InferredFace]:
    """Return those of `faces` whose person wears `number`, likeliest first, so that a search finds their photos.

    The number is either confirmed for the person, or inferred without conflicts. `numbers` maps the id of each of these
    people to their numbers, with all conflicts of `number`.
    """
    worn = {
        claim.person_id: claim
        for own in numbers.values()
        for claim in own
        if claim.number == number and _is_worn(claim)
    }
    inferred = [
        InferredFace(
            face=face,
            score=claim.score,
            confirmed=claim.state is NumberState.CONFIRMED,
            evidence=next(iter(claim.evidence), None),
        )
        for face in faces
        if (claim := worn.get(face.person_id))
    ]
    return sorted(inferred, key=lambda one: (-one.score, one.face.photo_id, one.face.face_id))


def _number(
    person_id: str, number: str, evidence: Sequence[NumberEvidence], decisions: Mapping[tuple[str, str], bool]
) -> PersonNumber:
    best: dict[str, NumberEvidence] = {}
    for one in sorted(evidence, key=lambda one: (-one.ocr_score, one.photo, one.face_id)):
        best.setdefault(one.photo.photo_id, one)
    match decisions.get((person_id, number)):
        case True:
            state, score = NumberState.CONFIRMED, 1.0
        case False:
            state, score = NumberState.REJECTED, 0.0
        case None:
            state = NumberState.INFERRED
            score = 1 - math.prod(1 - WORN_BY_THE_FACE * min(max(one.ocr_score, 0), 1) for one in best.values())
    return PersonNumber(person_id=person_id, number=number, state=state, score=score, evidence=tuple(best.values()))


def _with_whole(number: PersonNumber, own: Sequence[PersonNumber]) -> PersonNumber:
    """Set `part_of` where a stronger number of the person contains all digits of this one."""
    if number.state is not NumberState.INFERRED:
        return number
    wholes = [
        other
        for other in own
        if len(other.number) > len(number.number)
        and number.number in other.number
        and other.state is not NumberState.REJECTED
        and (other.score >= number.score or all(one.partial for one in number.evidence))
    ]
    if not wholes:
        return number
    whole = max(wholes, key=lambda other: (other.score, len(other.number), other.number))
    return replace(number, part_of=whole.number)


def _is_claim(number: PersonNumber) -> bool:
    """Whether the person is taken to wear this number, confirmed or inferred."""
    return number.state is not NumberState.REJECTED and number.part_of is None


def _is_worn(number: PersonNumber) -> bool:
    return number.state is NumberState.CONFIRMED or (_is_claim(number) and not number.conflicts)


def _with_conflicts(
    number: PersonNumber, own: Sequence[PersonNumber], same_number: Sequence[PersonNumber]
) -> PersonNumber:
    if not _is_claim(number):
        return number
    conflicts = [
        _conflict(ConflictKind.OTHER_NUMBER, other)
        for other in own
        if other.number != number.number and _is_claim(other)
    ] + [_conflict(ConflictKind.OTHER_PERSON, other) for other in same_number if other.person_id != number.person_id]
    return replace(number, conflicts=tuple(sorted(conflicts, key=lambda c: (-c.score, c.kind, c.number, c.person_id))))


def _conflict(kind: ConflictKind, other: PersonNumber) -> NumberConflict:
    return NumberConflict(
        kind=kind,
        number=other.number,
        person_id=other.person_id,
        score=other.score,
        confirmed=other.state is NumberState.CONFIRMED,
    )
