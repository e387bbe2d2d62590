"""What the analysis found in photos, as the measures want it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib import Bib, find_bibs
from photofinish.errors import RejectedInput
from photofinish_cli.evaluation.labels import PixelBox

if TYPE_CHECKING:
    from photofinish.analysis.analyzer import Analyzer

_BATCH_FILES, _BATCH_BYTES = 4, 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoundFace:
    """A face with what makes it easy or hard to recognise."""

    box: PixelBox
    sharpness: float
    """Re-blur sharpness of its chip, 0 to 1."""
    turned_deg: float
    """Between where it looks and the camera."""
    vector: NDArray[np.float32] = field(repr=False)
    """(D,) of unit length."""

    @property
    def size_px(self) -> float:
        """√(width × height) of its box."""
        return float((self.box[2] * self.box[3]) ** 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBib:
    """A number as read."""

    number: str
    ocr_score: float
    box: PixelBox
    partial: bool = False
    """Whether digits are probably missing, so that it is no claim of a whole number."""
    candidates: frozenset[str] = frozenset()
    """The numbers that it may be, itself among them."""

    @classmethod
    def of(cls, bib: Bib, width: int, height: int) -> FoundBib:
        """A bib of a photo of `width` × `height` pixels."""
        return cls(
            number=bib.number,
            ocr_score=bib.ocr_score,
            box=bib.box.to_pixels(width, height),
            partial=bib.partial,
            candidates=frozenset({bib.number, *(candidate.number for candidate in bib.candidates)}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found in one photo; all boxes in pixels of the upright photo of `width` × `height`."""

    width: int
    height: int
    faces: tuple[FoundFace, ...]
    bibs: tuple[FoundBib, ...]
    """As the analysis gives them: with the start list where it has one."""
    bibs_of_any_number: tuple[FoundBib, ...]
    """From the same lines of text, without a start list."""

    @classmethod
    def of(cls, analysis: PhotoAnalysis) -> Findings:
        """The part of an analysis that is measured."""
        width, height = analysis.image.width, analysis.image.height
        return cls(
            width=width,
            height=height,
            faces=tuple(
                FoundFace(
                    box=face.box.to_pixels(width, height),
                    sharpness=face.sharpness,
                    turned_deg=face.pose.turned_deg,
                    vector=face.embedding.vector,
                )
                for face in analysis.faces
            ),
            bibs=tuple(FoundBib.of(bib, width, height) for bib in analysis.bibs),
            bibs_of_any_number=tuple(
                FoundBib.of(bib, width, height)
                for bib in find_bibs(analysis.text, analysis.faces, width=width, height=height)
            ),
        )

    @classmethod
    def nothing(cls) -> Findings:
        """Of a photo that cannot be analysed."""
        return cls(width=0, height=0, faces=(), bibs=(), bibs_of_any_number=())


def analyze_files(
    analyzer: Analyzer, paths: Sequence[Path], advance: Callable[[], None]
) -> dict[Path, Findings | RejectedInput]:
    """The findings in each file, or why there are none; `advance` is called after each file."""
    results: dict[Path, Findings | RejectedInput] = {}
    batch: dict[Path, bytes] = {}

    def analyze_batch() -> None:
        for path, result in zip(batch, analyzer.analyze(list(batch.values())), strict=True):
            results[path] = result if isinstance(result, RejectedInput) else Findings.of(result.analysis)
            advance()
        batch.clear()

    for path in dict.fromkeys(paths):
        try:
            batch[path] = path.read_bytes()
        except OSError as error:
            results[path] = RejectedInput("unreadable", f"The file cannot be read: {error.strerror}.")
            advance()
        if len(batch) == _BATCH_FILES or sum(map(len, batch.values())) >= _BATCH_BYTES:
            analyze_batch()
    analyze_batch()
    return results


def overlap(one: PixelBox, other: PixelBox) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    union = one[2] * one[3] + other[2] * other[3] - common
    return common / union if union > 0 else 0.0


def matched(labelled: Sequence[PixelBox], found: Sequence[PixelBox], *, at_least: float) -> list[int | None]:
    """For each labelled box the found one that covers it, or None; each found box is given once.

    Pairs are taken in order of falling overlap (intersection over union), down to `at_least`.
    """
    pairs = sorted(
        (
            (-share, row, column)
            for row, one in enumerate(labelled)
            for column, other in enumerate(found)
            if (share := overlap(one, other)) >= at_least
        ),
    )
    given: dict[int, int] = {}
    for _, row, column in pairs:
        if row not in given and column not in given.values():
            given[row] = column
    return [given.get(row) for row in range(len(labelled))]


def main_face(findings: Findings) -> FoundFace | None:
    """The face that a portrait shows: the one whose area, less twice the square of its way from the middle, is largest.

    The rule of FaceNet's and InsightFace's alignment of single faces; None without a face.
    """

    def weight(face: FoundFace) -> float:
        x, y, w, h = face.box
        return w * h - 2 * ((x + w / 2 - findings.width / 2) ** 2 + (y + h / 2 - findings.height / 2) ** 2)

    return max(findings.faces, key=weight, default=None)
