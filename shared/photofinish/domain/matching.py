"""What a similarity of two faces means, in the embedding space that they were compared in."""

from __future__ import annotations

import math
from dataclasses import dataclass


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
