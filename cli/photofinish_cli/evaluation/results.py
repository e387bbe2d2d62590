"""What is measured of bibs, faces and the face detector, with the worst cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photofinish_cli.evaluation.bib_measures import BibAccuracy
from photofinish_cli.evaluation.bootstrap import Estimate
from photofinish_cli.evaluation.labels import PixelBox
from photofinish_cli.evaluation.slices import Slice

FARS = (1e-2, 1e-3)
SAME_FACE_OVERLAP = 0.4
"""A labelled face is found where intersection over union with a detection is at least this."""
CASES_SHOWN = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """A place in a photo, to be looked at."""

    path: Path
    name: str
    box: PixelBox | None
    """None where the whole photo is meant."""


@dataclass(frozen=True, slots=True)
class BibCase:
    """A bib that was missed, or a number that was read and is not labelled."""

    number: str
    crop: Crop
    others: tuple[str, ...]
    """What was read in that photo; for a wrong read, what is labelled there."""
    ocr_score: float | None = None


@dataclass(frozen=True, slots=True)
class PairCase:
    """Two faces and their cosine similarity."""

    first: Crop
    first_person: str
    second: Crop
    second_person: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Two distributions on the same bins."""

    bins: tuple[tuple[float, float, float], ...]
    """(from, share of the one, share of the other)."""
    step: float

    @classmethod
    def of(cls, one: NDArray[np.float64], other: NDArray[np.float64], edges: NDArray[np.float64]) -> Histogram:
        """Values outside the edges count in the first or last bin."""
        shares = [
            np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / max(1, len(values))
            for values in (one, other)
        ]
        columns = (values.tolist() for values in (edges[:-1], *shares))
        return cls(tuple(zip(*columns, strict=True)), float(edges[1] - edges[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class BibEvaluation:
    """How well numbers are read."""

    photos: int
    accuracy: BibAccuracy
    without_start_list: BibAccuracy | None
    """The same reads before the start list; None where there is none."""
    recall_of_candidates: Estimate | None
    """Recall where a number also counts that a read may be (2906 where 2908 is as likely); None without start list."""
    partial: int
    """Reads that say themselves that digits are missing; they count neither as right nor as wrong."""
    not_on_start_list: tuple[str, ...]
    """Labelled numbers that the start list does not know."""
    slices: tuple[Slice, ...]
    """Recall by the wearer's face."""
    curve: tuple[tuple[float, float, float], ...]
    """(ocr_score, precision, recall)."""
    missed: tuple[BibCase, ...]
    wrong: tuple[BibCase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorEvaluation:
    """How many labelled faces are found."""

    name: str
    photos: int
    recall: Estimate
    slices: tuple[Slice, ...]
    missed: tuple[Crop, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceEvaluation:
    """How well people are told apart."""

    name: str
    people: int
    faces: int
    same_pairs: int
    stranger_pairs: int
    unclear_people: tuple[tuple[str, str], ...]
    """Pairs of labels that may mean one person, and are not compared."""
    auc: Estimate
    rank_1: Estimate
    tar: Mapping[float, Estimate]
    thresholds: Mapping[float, float]
    """FAR → the cosine similarity that a pair must exceed."""
    slices: tuple[Slice, ...]
    """TAR at FAR 1e-3 by the harder face of the pair, at the threshold of all pairs."""
    curve: tuple[tuple[float, float], ...]
    """(FAR, TAR)."""
    similarities: Histogram
    """Of same-person pairs and of strangers' pairs."""
    same_similarities: NDArray[np.float64]
    stranger_similarities: NDArray[np.float64]
    """(P,) by falling similarity."""
    strangers: tuple[PairCase, ...]
    same: tuple[PairCase, ...]
