"""Bib numbers: which of the text lines in a photo are numbers that people wear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from photofinish.domain.bib_rules import BibRules
from photofinish.domain.face import Face
from photofinish.domain.geometry import Box
from photofinish.domain.start_list import BibCandidate

# The score of a number that is cut off is multiplied by this.
PARTIAL_SCORE = 0.5
# With a start list, a reading is a bib if one of the listed numbers is likelier than none of them.
MIN_LISTED = 0.5
# A line closer than this to the photo's edge (as a fraction of the photo) counts as cut off.
EDGE = 0.004
# A number is partial if its width-to-height ratio is below this fraction of that of the longer numbers in the photo.
NARROW = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """One line of text, as read."""

    text: str
    ocr_score: float
    box: Box
    digit_probabilities: tuple[tuple[float, ...], ...] = field(default=(), repr=False)
    """For each character of `text`, the probability of each digit 0 to 9; empty if the reader does not report them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bib:
    """A number read on a runner."""

    number: str
    ocr_score: float
    box: Box
    face_index: int | None
    """Index of the wearer among the photo's faces; None if no face was found above the number."""
    partial: bool = False
    """Whether digits are probably missing: the photo's edge cuts it, or it is narrower than the longer numbers."""
    candidates: tuple[BibCandidate, ...] = ()
    """With a start list: every listed number that this may be, `number` first; empty if that is certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WearingRule:
    """Where a number is worn. The unit of length is the size of the wearer's face, √(width × height) of its box."""

    max_sideways: float = 1.3
    """Horizontal distance from the centre of the face to the centre of the number."""
    below_face: tuple[float, float] = (0.7, 4.8)
    """Least and greatest distance from the face's lower edge down to the centre of the number."""
    digit_height: tuple[float, float] = (0.4, 1.7)
    """Least and greatest height of the line's box, which is slightly higher than the digits."""
    min_score: float = 0.8
    min_score_without_faces: float = 0.9
    """Minimum score of a number in a photo without faces."""


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """A box in pixels, by its centre."""

    x: float
    y: float
    w: float
    h: float

    @classmethod
    def of(cls, box: Box, width: int, height: int) -> _Rectangle:
        x, y, w, h = box.to_pixels(width, height)
        return cls(x + w / 2, y + h / 2, w, h)


_ANY_NUMBER = BibRules()
_DEFAULT_WEARING = WearingRule()


def find_bibs(
    lines: Sequence[TextLine],
    faces: Sequence[Face],
    *,
    width: int,
    height: int,
    rules: BibRules = _ANY_NUMBER,
    wearing: WearingRule = _DEFAULT_WEARING,
) -> tuple[Bib, ...]:
    """Find the bibs among the lines of a photo of `width` × `height` pixels, ordered by the faces that wear them.

    A face wears at most one number, and a number is worn by one face: pairs that `wearing` allows are chosen greedily,
    most typical first. Cut-off numbers are included, marked `partial` and with a lower score. In a photo without
    faces, all confident numbers are kept, each once, without `face_index`. With a start list, only listed numbers are
    bibs.
    """
    numbers = [
        bib
        for line in lines
        if line.ocr_score >= wearing.min_score
        for number in numbers_in(line, rules)
        if (bib := _bib(number, rules)) is not None
    ]
    if not faces:
        best: dict[str, Bib] = {}
        for number in numbers:
            if number.ocr_score >= max(
                wearing.min_score_without_faces, best[number.number].ocr_score if number.number in best else 0
            ):
                best[number.number] = number
        return tuple(best.values())

    rectangles = [_Rectangle.of(face.box, width, height) for face in faces]
    pairs = sorted(
        (misfit, face_index, number_index)
        for face_index, face in enumerate(rectangles)
        for number_index, number in enumerate(numbers)
        if (misfit := _misfit(face, _Rectangle.of(number.box, width, height), wearing)) is not None
    )
    worn: dict[int, int] = {}
    for _, face_index, number_index in pairs:
        if face_index not in worn and number_index not in worn.values():
            worn[face_index] = number_index
    bibs = [replace(numbers[number_index], face_index=face_index) for face_index, number_index in sorted(worn.items())]
    return tuple(bibs) if rules.start_list else _mark_narrow_as_partial(bibs, width / height)


def numbers_in(line: TextLine, rules: BibRules = _ANY_NUMBER) -> list[TextLine]:
    """The numbers in a line that `rules` allow, each with its part of the line's box (in proportion to characters)."""
    box, characters = line.box, len(line.text)
    return [
        TextLine(
            text=number,
            ocr_score=line.ocr_score,
            box=Box(box.x + box.w * start / characters, box.y, box.w * len(number) / characters, box.h),
            digit_probabilities=line.digit_probabilities[start : start + len(number)],
        )
        for start, number in rules.runs(line.text)
        if rules.allows(number)
    ]


def other_numbers(bib: Bib) -> dict[str, float]:
    """The other numbers that a bib may be, each with the `ocr_score` that it would have as this number."""
    own = next((candidate.probability for candidate in bib.candidates if candidate.number == bib.number), 1.0)
    return {
        candidate.number: bib.ocr_score * min(candidate.probability / own, 1.0)
        for candidate in bib.candidates
        if candidate.number != bib.number
    }


def _bib(read: TextLine, rules: BibRules) -> Bib | None:
    """Make a bib of a reading, its wearer not known yet; None if the start list has no similar number."""
    partial = _touches_an_edge(read.box)
    whole = Bib(
        number=read.text,
        ocr_score=read.ocr_score * (PARTIAL_SCORE if partial else 1),
        box=read.box,
        face_index=None,
        partial=partial,
    )
    if rules.start_list is None:
        return whole
    probabilities = read.digit_probabilities or _by_score(read)
    candidates = rules.start_list.candidates(read.text, probabilities, partial=partial)
    if sum(candidate.probability for candidate in candidates) < MIN_LISTED:
        return None
    likeliest = candidates[0]
    return replace(
        whole,
        number=likeliest.number,
        ocr_score=whole.ocr_score * likeliest.probability,
        candidates=candidates if len(candidates) > 1 or likeliest.number != read.text else (),
    )


def _mark_narrow_as_partial(bibs: Sequence[Bib], photo_aspect: float) -> tuple[Bib, ...]:
    """Mark numbers that are much narrower, for their height, than the longer ones: a part of them is hidden."""

    def aspect(bib: Bib) -> float:
        return bib.box.w * photo_aspect / bib.box.h

    marked = []
    for bib in bibs:
        longer = [aspect(other) for other in bibs if len(other.number) > len(bib.number) and not other.partial]
        if longer and aspect(bib) < NARROW * median(longer) and not bib.partial:
            bib = replace(bib, partial=True, ocr_score=bib.ocr_score * PARTIAL_SCORE)
        marked.append(bib)
    return tuple(marked)


def _by_score(read: TextLine) -> tuple[tuple[float, ...], ...]:
    """Estimate digit probabilities from the line's score alone: the other digits share the rest equally."""
    other = (1 - read.ocr_score) / 9
    return tuple(tuple(read.ocr_score if digit == int(own) else other for digit in range(10)) for own in read.text)


def _touches_an_edge(box: Box) -> bool:
    """Whether the photo's left or right edge may cut off digits."""
    return box.x <= EDGE or box.x + box.w >= 1 - EDGE


def _misfit(face: _Rectangle, number: _Rectangle, rule: WearingRule) -> float | None:
    """How untypical it is that this face wears this number, 0 being typical; None if the rule excludes it."""
    unit = math.sqrt(face.w * face.h)
    if unit <= 0:
        return None
    sideways = abs(number.x - face.x) / unit
    below = (number.y - (face.y + face.h / 2)) / unit
    digits = number.h / unit
    nearest, farthest = rule.below_face
    smallest, largest = rule.digit_height
    if not (sideways < rule.max_sideways and nearest < below < farthest and smallest < digits < largest):
        return None
    middle = (nearest + farthest) / 2
    return sideways / rule.max_sideways + abs(below - middle) / (farthest - middle)
