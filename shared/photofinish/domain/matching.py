"""What a similarity of two faces means, in the embedding space that they were compared in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photofinish.errors import InvalidQuery

SIMILARITY_STEPS = 20
"""Between a calibration's `min_similarity` and 1: the similarities that leave the system.

An exact cosine of 128 chosen vectors gives away a template; 20 steps tell people as much as they can use.
"""
_SAME = 1 - 1e-3  # equal embeddings, one of them stored in half precision
_TOLERANCE = 1e-5  # of a step: single precision may make a cosine a little smaller than a step


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Thresholds of one embedding space, measured on labelled faces by `photofinish evaluate --calibrate`.

    Similarities are cosines.
    """

    min_similarity: float
    """From here on two faces count as one person's; 1 in 1,000 pairs of different people is more similar."""
    stranger_similarity: float
    """From here on no one needs to check; 1 in 10,000 pairs of different people is more similar."""
    slope: float
    """Of the log odds that two faces are one person's, per unit of similarity."""
    offset: float
    """Log odds at similarity 0. Slope and offset assume that both answers are equally likely beforehand."""
    selfie_min_quality: float
    """Quality below which the matches of a face are unreliable: such a selfie is refused, with a hint."""

    def __post_init__(self) -> None:
        if not -1 <= self.min_similarity <= self.stranger_similarity <= 1:
            raise ValueError(
                "a calibration needs -1 <= min_similarity <= stranger_similarity <= 1, "
                f"not {self.min_similarity} and {self.stranger_similarity}"
            )
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.offset)):
            raise ValueError(f"a calibration needs a finite slope above 0 and offset, not {self.slope}, {self.offset}")
        if not 0 <= self.selfie_min_quality <= 1:
            raise ValueError(f"selfie_min_quality is 0 to 1, not {self.selfie_min_quality}")

    @property
    def certain_similarity(self) -> float:
        """About 1 in 100,000 pairs of different people is more similar, as the rate falls from the first threshold to
        the second."""
        return min(2 * self.stranger_similarity - self.min_similarity, 1.0)


def is_certain(similarity: float, calibration: Calibration) -> bool:
    """Whether two faces of this similarity need not be checked: hardly a stranger is as similar."""
    return similarity >= calibration.stranger_similarity


def match_probability(similarity: float, calibration: Calibration) -> float:
    """The probability, 0 to 1, that two faces of this cosine similarity are one person's; grows with the similarity.

    A logistic curve (Platt 1999). It is valid for a pair for which both answers are equally likely beforehand, such as
    a selfie and a face that is claimed to be the same person's. In a search among many different people the best of
    them is often as similar: decide there by `min_similarity`.
    """
    log_odds = calibration.slope * similarity + calibration.offset
    # Each form overflows at one end.
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)


def rounded_similarities(similarities: NDArray[np.floating], calibration: Calibration) -> NDArray[np.float64]:
    """Round similarities down to steps of which `min_similarity` is one and 1 is another."""
    least = calibration.min_similarity
    exact = np.asarray(similarities, np.float64)
    step = max(1 - least, 1e-3) / SIMILARITY_STEPS
    rounded = np.clip(least + np.floor((exact - least) / step + _TOLERANCE) * step, -1.0, 1.0)
    return np.where(exact >= _SAME, 1.0, rounded)


def rounded_similarity(similarity: float, calibration: Calibration) -> float:
    """Round one similarity as :func:`rounded_similarities` does."""
    return float(rounded_similarities(np.array(similarity), calibration))


def required_similarity(requested: float | None, calibration: Calibration) -> float:
    """Return the similarity that a caller's search requires of a face: `requested`, or the calibrated threshold.

    Raises:
        InvalidQuery: it is below the threshold. Answers about dissimilar faces show what a template is.
    """
    if requested is None:
        return calibration.min_similarity
    if requested < calibration.min_similarity:
        raise InvalidQuery(
            f"'min_similarity' must be {calibration.min_similarity:g} or more, which is the calibrated threshold of "
            "the embedding space."
        )
    return requested
