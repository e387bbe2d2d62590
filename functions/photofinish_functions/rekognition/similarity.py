"""Conversion between cosines and the protocol's Similarity, 0 to 100.

The protocol's default threshold is a Similarity of 80, so 80 is the cosine at which the calibration of the embedding
space puts a false accept rate of 1e-3. Around it Similarity follows the log odds that two faces are of one person
(Platt 1999), with the measured slope; equal embeddings have 100.
"""

from __future__ import annotations

import math
from dataclasses import replace

from photofinish.domain.matching import Calibration, match_probability

ANCHOR = 80.0
"""The Similarity of the calibration's `min_similarity`."""


class SimilarityScale:
    """A strictly increasing function from cosine to Similarity, and its inverse."""

    def __init__(self, calibration: Calibration) -> None:
        """Raises ValueError if the calibration's curve is too flat to distinguish strangers from equal faces."""
        # The curve is p(cosine) / p(1); the log odds at min_similarity are chosen so that the curve is ANCHOR there.
        share = ANCHOR / 100
        steepness = math.exp(-calibration.slope * (1 - calibration.min_similarity))
        if steepness >= share:
            raise ValueError(f"slope {calibration.slope} is too flat for min_similarity {calibration.min_similarity}")
        log_odds = math.log((share - steepness) / (1 - share))
        self._curve = replace(calibration, offset=log_odds - calibration.slope * calibration.min_similarity)
        self._most = match_probability(1.0, self._curve)

    def similarity(self, cosine: float) -> float:
        """Return 0 to 100. By rounding, `cosine` may be a little above 1."""
        return 100 * min(1.0, match_probability(cosine, self._curve) / self._most)

    def cosine(self, similarity: float) -> float:
        """Return the smallest cosine whose Similarity, 0 to 100, is at least this."""
        probability = similarity / 100 * self._most
        if probability <= 0:
            return -1.0
        if similarity >= 100:
            return 1.0
        return max(-1.0, (_log_odds(probability) - self._curve.offset) / self._curve.slope)


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
