"""Corrections of a photo's bib numbers: what a user said is worn, applied to whatever was read.

A correction names positions in the photo, not ids, so that it still applies after another analysis of the same photo.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from photofinish.domain.bib import Bib
from photofinish.domain.geometry import Box
from photofinish.domain.people_rules import checked_number
from photofinish.domain.start_list import BibCandidate
from photofinish.errors import Conflict, NotFound

# A face of a new analysis is the same face if its box and the old one share at least this part of their union.
SAME_FACE = 0.5
# Two readings show the same number if their boxes share at least this part of the smaller one.
SAME_PLACE = 0.3
SET_BY_HAND_SCORE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveBib:
    """A number that a photo shows: as read, or as a user set it."""

    number: str
    ocr_score: float
    """1 for a number set by hand."""
    box: Box | None
    """None for a number that a user added without saying where it is."""
    face_id: str | None
    partial: bool = False
    candidates: tuple[BibCandidate, ...] = ()
    by_hand: bool = False


class CorrectionKind(StrEnum):
    """What a user does to a number."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"
    MOVE = "move"
    """To another face."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BibCorrection:
    """What a user said about one number of one version of a photo."""

    kind: CorrectionKind
    number: str
    """The number that is right; for REMOVE the one that is wrong."""
    instead_of: str | None = None
    """For REPLACE: the number that is wrong."""
    box: Box | None = None
    """Where the number is; None if unknown."""
    face: Box | None = None
    """The box of the face that wears it; None if unknown. For MOVE: of the new wearer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRequest:
    """A correction as a user asks for it, in terms of what the photo shows now."""

    kind: CorrectionKind
    number: str
    new_number: str | None = None
    """For REPLACE."""
    face_id: str | None = None
    """ADD: the wearer, MOVE: the new wearer; otherwise the wearer of the number, if the photo has it several times."""
    box: Box | None = None
    """For ADD: where the number is, if known."""


class UnknownBib(NotFound):
    """The photo does not show the number that a request is about."""

    code = "unknown_bib"

    def __init__(self) -> None:
        super().__init__("This photo has no such bib number, or another face wears it: show the photo to see both.")


class UnknownFace(NotFound):
    """The photo has no such face."""

    code = "unknown_face"

    def __init__(self) -> None:
        super().__init__("This photo has no face with this id: show the photo to see its faces.")


def as_read(bibs: Iterable[Bib], face_ids: Sequence[str]) -> tuple[EffectiveBib, ...]:
    """The bibs of an analysis, before any correction."""
    return tuple(
        EffectiveBib(
            number=bib.number,
            ocr_score=bib.ocr_score,
            box=bib.box,
            face_id=None if bib.face_index is None else face_ids[bib.face_index],
            partial=bib.partial,
            candidates=bib.candidates,
        )
        for bib in bibs
    )


def corrected(
    read: Sequence[EffectiveBib], faces: Mapping[str, Box], corrections: Iterable[BibCorrection]
) -> tuple[EffectiveBib, ...]:
    """Apply corrections, oldest first, to the bibs that were read in a photo with these faces.

    The result depends only on the arguments, so analysis, re-scoring and correcting give the same in any order. A face
    wears at most one number: one that a user gives to a face takes the place of the other, which stays without a face.
    """
    corrections = tuple(corrections)
    if not corrections:
        return tuple(read)
    bibs = list(read)
    for correction in corrections:
        bibs = _apply(bibs, faces, correction)
    rank = {face_id: position for position, face_id in enumerate(faces)}
    return tuple(sorted(bibs, key=lambda bib: len(rank) if bib.face_id is None else rank.get(bib.face_id, len(rank))))


def correction_of(request: CorrectionRequest, bibs: Sequence[EffectiveBib], faces: Mapping[str, Box]) -> BibCorrection:
    """Express a request by positions in the photo, which now shows `bibs` and `faces`.

    Raises:
        RejectedInput: `number_not_allowed`.
        UnknownBib, UnknownFace: the photo has no such number or face.
        Conflict: `several_bibs`, the photo has the number several times and the request does not say which.
    """
    request = replace(request, number=checked_number(request.number))
    if request.face_id is not None and request.face_id not in faces:
        raise UnknownFace
    named = None if request.face_id is None else faces[request.face_id]
    if request.kind is CorrectionKind.ADD:
        return BibCorrection(kind=request.kind, number=request.number, box=request.box, face=named)
    found = _one(request, bibs)
    wearer = None if found.face_id is None else faces.get(found.face_id)
    match request.kind:
        case CorrectionKind.REMOVE:
            return BibCorrection(kind=request.kind, number=request.number, box=found.box, face=wearer)
        case CorrectionKind.MOVE:
            return BibCorrection(kind=request.kind, number=request.number, box=found.box, face=named)
        case CorrectionKind.REPLACE:
            new_number = checked_number(request.new_number or "")
            return BibCorrection(
                kind=request.kind, number=new_number, instead_of=request.number, box=found.box, face=wearer
            )


def is_same_place(one: Box | None, other: Box | None) -> bool:
    """Whether two boxes show the same number; False if one is unknown."""
    if one is None or other is None or not one.is_at_moment_of(other):
        return False
    smaller = min(one.w * one.h, other.w * other.h)
    return smaller > 0 and _overlap(one, other) >= SAME_PLACE * smaller


def is_same_face(one: Box, other: Box) -> bool:
    """Whether the boxes of two analyses of one photo show the same face."""
    return one.is_at_moment_of(other) and _overlap(one, other) >= SAME_FACE * _union(one, other)


def _one(request: CorrectionRequest, bibs: Sequence[EffectiveBib]) -> EffectiveBib:
    """The bib that a request is about."""
    found = [bib for bib in bibs if bib.number == request.number]
    if request.face_id is not None and request.kind is not CorrectionKind.MOVE:
        found = [bib for bib in found if bib.face_id == request.face_id]
    if not found:
        raise UnknownBib
    if len(found) > 1:
        if request.kind is CorrectionKind.MOVE:
            raise Conflict(
                "several_bibs", "The photo has this number several times: remove the wrong one, naming its face."
            )
        raise Conflict("several_bibs", "The photo has this number several times: name the face that wears it.")
    return found[0]


def _apply(bibs: list[EffectiveBib], faces: Mapping[str, Box], correction: BibCorrection) -> list[EffectiveBib]:
    face_id = _face_at(correction.face, faces)
    wrong = [bib for bib in bibs if _is_corrected(bib, correction, face_id)]
    kept = [bib for bib in bibs if not any(bib is other for other in wrong)]
    if correction.kind is CorrectionKind.REMOVE:
        return [_without_candidate(bib, correction) for bib in kept]
    # What was set by hand first: its place is the same in every analysis.
    same = sorted((bib for bib in wrong if bib.number == correction.number), key=lambda bib: not bib.by_hand)
    box = correction.box or next((bib.box for bib in same), None)
    by_hand = EffectiveBib(
        number=correction.number, ocr_score=SET_BY_HAND_SCORE, box=box, face_id=face_id, by_hand=True
    )
    freed = [replace(bib, face_id=None) if face_id is not None and bib.face_id == face_id else bib for bib in kept]
    return [*freed, by_hand]


def _is_corrected(bib: EffectiveBib, correction: BibCorrection, face_id: str | None) -> bool:
    """Whether a correction overrules this bib."""
    here = is_same_place(bib.box, correction.box)
    worn = face_id is not None and bib.face_id == face_id
    # The box of a number that a user added to no face is that of whatever this analysis read.
    unplaced = bib.box is None or correction.box is None or (bib.by_hand and bib.face_id is None)
    match correction.kind:
        case CorrectionKind.REMOVE:
            return bib.number == correction.number and (here or worn or (unplaced and face_id is None))
        case CorrectionKind.REPLACE:
            named = bib.number in (correction.number, correction.instead_of)
            if here:
                return named or not bib.by_hand  # whatever is read there, but not what a user set
            return named and (worn or (unplaced and face_id is None))
        case CorrectionKind.ADD:
            return bib.number == correction.number and (worn or face_id is None or bib.face_id is None)
        case CorrectionKind.MOVE:
            return bib.number == correction.number and (here or worn or unplaced)


def _without_candidate(bib: EffectiveBib, correction: BibCorrection) -> EffectiveBib:
    """Without the removed number among what a bib at that place may be."""
    if not bib.candidates or not is_same_place(bib.box, correction.box):
        return bib
    return replace(bib, candidates=tuple(c for c in bib.candidates if c.number != correction.number))


def _face_at(box: Box | None, faces: Mapping[str, Box]) -> str | None:
    """The face at the position of `box`; None if there is none any more."""
    if box is None or not faces:
        return None
    shares = {face_id: _overlap(box, face) / _union(box, face) for face_id, face in faces.items()}
    best = max(shares, key=lambda face_id: shares[face_id])
    return best if shares[best] >= SAME_FACE else None


def _overlap(one: Box, other: Box) -> float:
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    return max(width, 0.0) * max(height, 0.0)


def _union(one: Box, other: Box) -> float:
    return max(one.w * one.h + other.w * other.h - _overlap(one, other), 1e-12)
