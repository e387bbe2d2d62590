"""Bib numbers: which of the text lines in a photo are numbers that people wear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Protocol

from photofinish.domain.bib_number import digits_of
from photofinish.domain.bib_reading import read_numbers
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.geometry import Box, Quad
from photofinish.domain.start_list import BibCandidate, StartList

# The score of a number that is cut off is multiplied by this.
PARTIAL_SCORE = 0.5
# With a start list, a reading is a bib if one of the listed numbers is likelier than none of them.
MIN_LISTED = 0.5
# A line closer than this to the photo's edge (as a fraction of the photo) counts as cut off.
EDGE = 0.004
# A number is partial if its width-to-height ratio is below this fraction of that of the longer numbers in the photo.
NARROW = 0.7


class HasBox(Protocol):
    """A face, as far as finding bibs needs it."""

    @property
    def box(self) -> Box: ...


class Reading(Protocol):
    """A number that was read, with the other numbers that it may be."""

    @property
    def number(self) -> str: ...
    @property
    def ocr_score(self) -> float: ...
    @property
    def candidates(self) -> Sequence[BibCandidate]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """One line of text, as read."""

    text: str
    ocr_score: float
    box: Box
    """The smallest upright box around it."""
    quad: Quad | None = None
    """Where the text is tilted: its corners."""
    digit_probabilities: tuple[tuple[float, ...], ...] = field(default=(), repr=False)
    """For each character of `text`, the probability of each digit 0 to 9; empty if the reader does not report them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bib:
    """A number read on a runner."""

    number: str
    """In its normal form: see `bib_number.py`."""
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
    """Least and greatest height of the line, across its reading direction; it is slightly higher than the digits."""
    min_score: float = 0.8
    min_score_without_faces: float = 0.9
    """Minimum score of a number in a photo without faces."""


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """Centre and size in pixels, of a box or of a line in its reading direction."""

    x: float
    y: float
    w: float
    h: float

    @classmethod
    def of_box(cls, box: Box, width: int, height: int) -> _Rectangle:
        x, y, w, h = box.to_pixels(width, height)
        return cls(x + w / 2, y + h / 2, w, h)

    @classmethod
    def of_line(cls, line: TextLine, width: int, height: int) -> _Rectangle:
        upright = cls.of_box(line.box, width, height)
        if line.quad is None:
            return upright
        return cls(upright.x, upright.y, *line.quad.size_px(width, height))


_ANY_NUMBER = BibRules()
_DEFAULT_WEARING = WearingRule()


def find_bibs(
    lines: Sequence[TextLine],
    faces: Sequence[HasBox],
    *,
    width: int,
    height: int,
    rules: BibRules = _ANY_NUMBER,
    wearing: WearingRule = _DEFAULT_WEARING,
) -> tuple[Bib, ...]:
    """Find the bibs among the lines of a photo of `width` × `height` pixels, ordered by the faces that wear them.

    A face wears at most one number, and a number is worn by one face: pairs that `wearing` allows are chosen greedily,
    most typical first. Cut-off numbers are included, marked `partial` and with a lower score. In a photo without
    faces, all confident numbers that stand alone on their line are kept, each once, without `face_index`. With a start
    list, only listed numbers are bibs.
    """
    numbers = [
        (bib, _Rectangle.of_line(number, width, height))
        for line in lines
        if line.ocr_score >= wearing.min_score
        for number in numbers_in(line, rules, alone=not faces)
        if (bib := _bib(number, rules)) is not None
    ]
    if not faces:
        best: dict[str, Bib] = {}
        for bib, _ in numbers:
            if bib.ocr_score >= max(
                wearing.min_score_without_faces, best[bib.number].ocr_score if bib.number in best else 0
            ):
                best[bib.number] = bib
        return tuple(best.values())

    rectangles = [_Rectangle.of_box(face.box, width, height) for face in faces]
    pairs = sorted(
        (misfit, face_index, number_index)
        for face_index, face in enumerate(rectangles)
        for number_index, (_, place) in enumerate(numbers)
        if (misfit := _misfit(face, place, wearing)) is not None
    )
    worn: dict[int, int] = {}
    for _, face_index, number_index in pairs:
        if face_index not in worn and number_index not in worn.values():
            worn[face_index] = number_index
    bibs = [
        (replace(numbers[number_index][0], face_index=face_index), numbers[number_index][1])
        for face_index, number_index in sorted(worn.items())
    ]
    return tuple(bib for bib, _ in bibs) if rules.start_list else _mark_narrow_as_partial(bibs)


def numbers_in(line: TextLine, rules: BibRules = _ANY_NUMBER, *, alone: bool = False) -> list[TextLine]:
    """The numbers in a line that `rules` allow, each with its part of the line's box (in proportion to characters).

    `alone`: only those of a line without other text.
    """
    box, characters = line.box, len(line.text)
    found = []
    for read in read_numbers(line.text, rules):
        start, end = read.positions[0], read.positions[-1] + 1
        part = Box(box.x + box.w * start / characters, box.y, box.w * (end - start) / characters, box.h)
        quad = line.quad and line.quad.part(start / characters, end / characters)
        probabilities = line.digit_probabilities and tuple(line.digit_probabilities[at] for at in read.positions)
        if read.stands_alone or not alone:
            found.append(
                replace(
                    line,
                    text=read.number,
                    box=quad.bounds if quad else part,
                    quad=quad,
                    digit_probabilities=probabilities,
                )
            )
    return found


def other_numbers(bib: Reading) -> dict[str, float]:
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
    candidates = _listed(read, rules.start_list, partial=partial)
    if not candidates:
        return None
    likeliest = candidates[0]
    return replace(
        whole,
        number=likeliest.number,
        ocr_score=whole.ocr_score * likeliest.probability,
        candidates=candidates if len(candidates) > 1 or likeliest.number != read.text else (),
    )


def _listed(read: TextLine, start_list: StartList, *, partial: bool) -> tuple[BibCandidate, ...]:
    """The listed numbers that a reading may be, likelier than none of them; else those of its digits alone."""
    probabilities = read.digit_probabilities or _by_score(read)
    everything = list(range(len(read.text)))
    digits = [index for index in everything if read.text[index].isdigit()]
    for kept in [everything] if digits == everything else [everything, digits]:
        number = "".join(read.text[index] for index in kept)
        candidates = start_list.candidates(number, [probabilities[index] for index in kept], partial=partial)
        if sum(candidate.probability for candidate in candidates) >= MIN_LISTED:
            return candidates
    return ()


def _mark_narrow_as_partial(bibs: Sequence[tuple[Bib, _Rectangle]]) -> tuple[Bib, ...]:
    """Mark numbers that are much narrower, for their height, than the longer ones: a part of them is hidden."""
    aspects = [(len(digits_of(bib.number)), place.w / place.h, bib) for bib, place in bibs]
    marked = []
    for digits, aspect, bib in aspects:
        longer = [other_aspect for other, other_aspect, it in aspects if other > digits and not it.partial]
        if longer and aspect < NARROW * median(longer) and not bib.partial:
            bib = replace(bib, partial=True, ocr_score=bib.ocr_score * PARTIAL_SCORE)
        marked.append(bib)
    return tuple(marked)


def _by_score(read: TextLine) -> tuple[tuple[float, ...], ...]:
    """Estimate digit probabilities from the line's score alone: all other characters share the rest equally."""
    other = (1 - read.ocr_score) / 9
    return tuple(tuple(read.ocr_score if digit == own else other for digit in "0123456789") for own in read.text)


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
