"""Which bib numbers are offered for a person: those read beside their face, each with the photos that show it.

A number read on one photo names the person on all of them. That is offered, with its evidence, and never written over
anything: where numbers or people contradict each other, all of it is there and flagged, and somebody decides.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef

# A number that was read well may still be worn by whoever stands beside the face.
WORN_BY_THE_FACE = 0.9


class NumberState(StrEnum):
    """What somebody said of a number."""

    OFFERED = "offered"
    """Nothing yet."""
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class ConflictKind(StrEnum):
    """What contradicts a number of a person."""

    OTHER_NUMBER = "other_number"
    """Another number is the same person's."""
    OTHER_PERSON = "other_person"
    """The same number is another person's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberEvidence:
    """A number that was read beside a face of a person."""

    person_id: str
    number: str
    ocr_score: float
    partial: bool
    """Whether digits are probably missing."""
    face_id: str
    photo: PhotoRef
    box: Box
    """Of the number."""


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
    """A number that may be a person's."""

    person_id: str
    number: str
    state: NumberState
    score: float
    """0 to 1: how likely the evidence makes it; 1 where somebody confirmed it, 0 where somebody rejected it."""
    evidence: tuple[NumberEvidence, ...]
    """Best first, one a photo; none for a number that was confirmed without any."""
    part_of: str | None = None
    """A number of the same person of which this one shows only a part of the digits."""
    conflicts: tuple[NumberConflict, ...] = ()
    """Strongest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceOfPerson:
    """Where a face of a person is."""

    person_id: str
    face_id: str
    photo_id: str
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedFace:
    """A face of somebody who wears a number for all that is known; the number need not be seen on its photo."""

    face: FaceOfPerson
    score: float
    """0 to 1: how likely the face's person wears the number."""
    evidence: NumberEvidence | None
    """The best reading of the number beside a face of the person; None where somebody only said so."""


def person_numbers(
    evidence: Sequence[NumberEvidence], decisions: Mapping[tuple[str, str], bool]
) -> dict[str, list[PersonNumber]]:
    """The numbers of each person that `evidence` or `decisions` tell of, best first, with their conflicts.

    `decisions` has (person, number) → whether it was confirmed; False is rejected. Conflicts are seen among the people
    given: to see those of one person, give everybody who shares a number with them.
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


def offered_faces(
    number: str, faces: Iterable[FaceOfPerson], numbers: Mapping[str, Sequence[PersonNumber]]
) -> list[OfferedFace]:
    """Those of `faces` whose person wears `number`, the likeliest first: a search shows their photos.

    That is whom somebody confirmed it for, or whom it is offered for where nothing contradicts that. `numbers` has the
    numbers of these people, with all conflicts of `number`.
    """
    worn = {
        claim.person_id: claim
        for own in numbers.values()
        for claim in own
        if claim.number == number and _is_worn(claim)
    }
    offered = [
        OfferedFace(face=face, score=claim.score, evidence=next(iter(claim.evidence), None))
        for face in faces
        if (claim := worn.get(face.person_id))
    ]
    return sorted(offered, key=lambda one: (-one.score, one.face.photo_id, one.face.face_id))


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
            state = NumberState.OFFERED
            score = 1 - math.prod(1 - WORN_BY_THE_FACE * min(max(one.ocr_score, 0), 1) for one in best.values())
    return PersonNumber(person_id=person_id, number=number, state=state, score=score, evidence=tuple(best.values()))


def _with_whole(number: PersonNumber, own: Sequence[PersonNumber]) -> PersonNumber:
    """Says of a weaker number whose digits all stand in a stronger one that it is a part of that."""
    if number.state is not NumberState.OFFERED:
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
    """Whether it says that this number is this person's."""
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
