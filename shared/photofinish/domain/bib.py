"""A bib number: a line of text that somebody wears."""

from __future__ import annotations

from dataclasses import dataclass

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
