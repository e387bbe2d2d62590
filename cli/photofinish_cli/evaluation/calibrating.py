"""What similarities mean in the embedding space that was evaluated: the calibration of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.decoding import decode
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.matching import Calibration
from photofinish.errors import RejectedInput
from photofinish_cli.evaluation.evaluating_faces import Portrait
from photofinish_cli.evaluation.face_measures import threshold_at
from photofinish_cli.evaluation.results import FaceEvaluation

MIN_FAR, STRANGER_FAR = 1e-3, 1e-4
MIN_STRANGERS, MIN_SAME = 1000, 20
POOR_COPIES = 8
"""Of each portrait, as selfies of every quality."""
RELIABLE_TAR = 0.5
"""A selfie that finds fewer than half of its person's photos is not worth a search."""
_QUALITY_STEP, _QUALITY_WINDOW, _WINDOW_PAIRS = 0.05, 0.1, 20
_SEED = 20120903


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """Poor selfies against good photos of the same people, (P,) each."""

    quality: NDArray[np.float64]
    """Of the selfie's face."""
    similarity: NDArray[np.float64]


def large_enough(compared: Sequence[FaceEvaluation]) -> list[FaceEvaluation]:
    """The comparisons with pairs enough to calibrate by."""
    return [one for one in compared if one.stranger_pairs >= MIN_STRANGERS and one.same_pairs >= MIN_SAME]


def calibrated(compared: Sequence[FaceEvaluation], probes: Probes) -> Calibration:
    """The calibration of the space that these comparisons were made in.

    Thresholds are those of the hardest set: elsewhere strangers are taken for each other less often. The curve of
    probabilities is fitted to all sets, each and in it both answers of equal weight.

    Raises:
        RejectedInput: `too_few_faces`; the message says how many it takes.
    """
    sets = large_enough(compared)
    if not sets:
        raise RejectedInput(
            "too_few_faces",
            f"A calibration takes {MIN_STRANGERS} pairs of strangers and {MIN_SAME} pairs of the same person in one "
            "labelled folder, such as 100 photos of 20 people.",
        )
    min_similarity, stranger_similarity = (
        max(threshold_at(far, one.stranger_similarities)[0] for one in sets) for far in (MIN_FAR, STRANGER_FAR)
    )
    slope, offset = fitted_curve([(one.same_similarities, one.stranger_similarities) for one in sets])
    return Calibration(
        min_similarity=round(min_similarity, 3),
        stranger_similarity=round(max(min_similarity, stranger_similarity), 3),
        slope=round(slope, 2),
        offset=round(offset, 2),
        selfie_min_quality=reliable_quality(probes, min_similarity),
    )


def fitted_curve(sets: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> tuple[float, float]:
    """Slope and offset of the log odds of (same, strangers) similarities, by Platt's method.

    Weighted logistic regression by Newton's method; his targets (1999) keep it finite where the two do not overlap.
    """
    similarity = np.concatenate([np.concatenate(pairs) for pairs in sets])
    weight = np.concatenate([np.full(len(kind), 0.5 / len(kind)) for pairs in sets for kind in pairs])
    same, strangers = (sum(len(pairs[kind]) for pairs in sets) for kind in (0, 1))
    high, low = (same + 1) / (same + 2), 1 / (strangers + 2)
    target = np.concatenate(
        [np.full(len(kind), (high, low)[index]) for pairs in sets for index, kind in enumerate(pairs)]
    )
    design = np.stack([similarity, np.ones_like(similarity)], axis=1)
    coefficients = np.zeros(2)

    def loss(values: NDArray[np.float64]) -> float:
        odds = design @ values
        return float(weight @ (np.logaddexp(0, odds) - target * odds))

    for _ in range(100):
        probability = 1 / (1 + np.exp(-(design @ coefficients)))
        gradient = design.T @ (weight * (probability - target))
        curvature = (design * (weight * probability * (1 - probability))[:, None]).T @ design
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        while loss(coefficients - step) > loss(coefficients) + 1e-12:
            step = step / 2  # Newton's step is too long where the curve is flat
        coefficients = coefficients - step
        if np.abs(step).max() < 1e-6:
            break
    return float(coefficients[0]), float(coefficients[1])


def reliable_quality(probes: Probes, min_similarity: float) -> float:
    """The lowest quality, in steps of 0.05, from which on selfies find at least half of their person's photos.

    From there on every window of 0.1 in which there are enough pairs does.
    """
    floor = 1.0
    for start in np.round(np.arange(1 - _QUALITY_WINDOW, -1e-9, -_QUALITY_STEP), 2):
        inside = (probes.quality >= start) & (probes.quality <= start + _QUALITY_WINDOW)
        if inside.sum() < _WINDOW_PAIRS:
            continue
        if (probes.similarity[inside] > min_similarity).mean() < RELIABLE_TAR:
            break
        floor = float(start)
    return floor


def poor_selfies(encoder: FaceEncoder, portraits: Sequence[Portrait], advance: Callable[[], None]) -> Probes:
    """Portraits made small, blurred and dark in every degree, compared with the other photos of the same people.

    `advance` is called after each portrait. Copies in which no face is found say nothing and are left out.
    """
    random = np.random.default_rng(_SEED)
    vectors = np.array([portrait.face.vector for portrait in portraits])
    quality, similarity = [np.zeros(0)], [np.zeros(0)]
    for portrait in portraits:
        others = [
            row
            for row, other in enumerate(portraits)
            if other.person == portrait.person and other.crop.path != portrait.crop.path
        ]
        copies = _poor_copies(portrait.crop.path, portrait.face.size_px, random)
        for faces in encoder.encode(copies) if others else []:
            if faces:
                similarity.append((vectors[others] @ faces[0].embedding.vector).astype(np.float64))
                quality.append(np.full(len(others), faces[0].quality))
        advance()
    return Probes(np.concatenate(quality), np.concatenate(similarity))


def _poor_copies(path: Path, face_px: float, random: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Faces of 10 to 96 px, some blurred by up to a tenth of the face's size, some in a quarter of the light."""
    image = decode(path.read_bytes()).image
    copies = []
    for _ in range(POOR_COPIES):
        scale = min(1.0, float(np.exp(random.uniform(np.log(10), np.log(96)))) / face_px)
        blur, light = random.choice([0, 0, 0.02, 0.04, 0.06, 0.1]), random.choice([1, 1, 1, 0.5, 0.25])
        copy = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if blur:
            copy = cv2.GaussianBlur(copy, (0, 0), max(0.3, float(blur * face_px * scale)))
        noisy = copy * light + random.normal(0, 2, copy.shape)
        copies.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return copies
