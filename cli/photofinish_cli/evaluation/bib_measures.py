"""Precision, recall and F1 of bib numbers: exact match per photo."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from photofinish_cli.evaluation.bootstrap import Estimate, ratio


@dataclass(frozen=True, slots=True)
class PhotoCounts:
    """How many numbers of one photo were read, invented and overlooked."""

    right: int
    wrong: int
    missed: int

    @classmethod
    def of(cls, labelled: Set[str], read: Set[str]) -> PhotoCounts:
        """A number counts once a photo, however often it is worn or read there."""
        return cls(right=len(labelled & read), wrong=len(read - labelled), missed=len(labelled - read))


@dataclass(frozen=True, slots=True)
class BibAccuracy:
    """Over all photos together, each number counting the same."""

    precision: Estimate
    """Of the numbers read, the share that is there."""
    recall: Estimate
    """Of the numbers there, the share that was read."""
    f1: Estimate
    """Harmonic mean of both: 2·right / (2·right + wrong + missed)."""


def bib_accuracy(photos: Sequence[PhotoCounts]) -> BibAccuracy:
    """The accuracy with intervals over photos; a figure is None where it has nothing to be a share of."""
    right = np.array([photo.right for photo in photos], np.int64)
    wrong = np.array([photo.wrong for photo in photos], np.int64)
    missed = np.array([photo.missed for photo in photos], np.int64)
    return BibAccuracy(
        precision=ratio(right, right + wrong),
        recall=ratio(right, right + missed),
        f1=ratio(2 * right, 2 * right + wrong + missed, of=int((right + missed).sum())),
    )


def precision_recall_curve(reads: Sequence[tuple[float, bool]], labelled: int) -> list[tuple[float, float, float]]:
    """`(ocr_score, precision, recall)` when only reads of at least that score count, by falling score.

    `reads` are all reads with whether they are right, each number once a photo; `labelled` is how many could be read.
    """
    if not labelled:
        return []
    points: list[tuple[float, float, float]] = []
    ordered = sorted(reads, reverse=True)
    right = 0
    for count, (score, is_right) in enumerate(ordered, start=1):
        right += is_right
        # Reads of equal score come and go together.
        if count == len(ordered) or ordered[count][0] != score:
            points.append((score, right / count, right / labelled))
    return points
