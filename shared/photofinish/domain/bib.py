"""Bib numbers: which of the lines read in a photo are numbers that somebody wears."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.domain.face import Face
from photofinish.domain.geometry import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """One line of text as read."""

    text: str
    ocr_score: float
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Bib:
    """A number read on a runner."""

    number: str
    ocr_score: float
    box: Box
    face_index: int | None
    """Which of the photo's faces wears it; None where no face was found above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BibRule:
    """What counts as a bib. Lengths are in units of the wearer's face, √(width × height) of its box.

    On 150 labelled race photos (213 bibs) these values give P .804, R .906, F1 .852; taking every number for a bib
    gives P .663, R .906, F1 .766.
    """

    min_digits: int = 2
    max_digits: int = 5
    max_sideways: float = 1.3
    """From the middle of the face to the middle of the number."""
    below_face: tuple[float, float] = (0.7, 4.8)
    """From the face's lower edge to the middle of the number."""
    digit_height: tuple[float, float] = (0.4, 1.7)
    """Of the line's box, which is somewhat higher than the digits."""
    min_score: float = 0.8
    min_score_without_faces: float = 0.9
    """A photo in which no face was found keeps the numbers read with at least this score."""


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """A box in pixels, by its middle."""

    x: float
    y: float
    w: float
    h: float

    @classmethod
    def of(cls, box: Box, width: int, height: int) -> _Rectangle:
        x, y, w, h = box.to_pixels(width, height)
        return cls(x + w / 2, y + h / 2, w, h)


_DEFAULT_RULE = BibRule()


def find_bibs(
    lines: Sequence[TextLine], faces: Sequence[Face], *, width: int, height: int, rule: BibRule = _DEFAULT_RULE
) -> tuple[Bib, ...]:
    """The bibs among the lines of a photo of `width` × `height` pixels, in order of the faces that wear them.

    Every face wears at most one number and every number is worn by one face: of all pairs that `rule` allows, the most
    typical are taken first. In a photo without a face all confident numbers are kept, each once, with no `face_index`.
    """
    numbers = [number for line in lines if line.ocr_score >= rule.min_score for number in numbers_in(line, rule)]
    if not faces:
        best: dict[str, TextLine] = {}
        for number in numbers:
            if number.ocr_score >= max(
                rule.min_score_without_faces, best[number.text].ocr_score if number.text in best else 0
            ):
                best[number.text] = number
        return tuple(_bib(number, None) for number in best.values())

    rectangles = [_Rectangle.of(face.box, width, height) for face in faces]
    pairs = sorted(
        (misfit, face_index, number_index)
        for face_index, face in enumerate(rectangles)
        for number_index, number in enumerate(numbers)
        if (misfit := _misfit(face, _Rectangle.of(number.box, width, height), rule)) is not None
    )
    worn: dict[int, int] = {}
    for _, face_index, number_index in pairs:
        if face_index not in worn and number_index not in worn.values():
            worn[face_index] = number_index
    return tuple(_bib(numbers[number_index], face_index) for face_index, number_index in sorted(worn.items()))


def numbers_in(line: TextLine, rule: BibRule = _DEFAULT_RULE) -> list[TextLine]:
    """The runs of as many digits as `rule` wants, each with its share of the line's box (by characters)."""
    box, characters = line.box, len(line.text)
    return [
        TextLine(
            text=run[0],
            ocr_score=line.ocr_score,
            box=Box(box.x + box.w * run.start() / characters, box.y, box.w * len(run[0]) / characters, box.h),
        )
        for run in re.finditer(r"[0-9]+", line.text)
        if rule.min_digits <= len(run[0]) <= rule.max_digits
    ]


def _misfit(face: _Rectangle, number: _Rectangle, rule: BibRule) -> float | None:
    """How untypical it is that this face wears this number, 0 being typical; None where the rule excludes it."""
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


def _bib(number: TextLine, face_index: int | None) -> Bib:
    return Bib(number=number.text, ocr_score=number.ocr_score, box=number.box, face_index=face_index)
