"""Conversion between cosines and the protocol's Similarity, 0 to 100.

The protocol's default threshold is a Similarity of 80, so 80 is the cosine at which the calibration of the embedding
space puts a false accept rate of 1e-3. Around it Similarity follows the log odds that two faces are of one person
(Platt 1999), with the measured slope; equal embeddings have 100. Similarities are told in steps, and a search has no
threshold below 80: exact ones, and those of strangers, show what the embeddings are.
"""

from __future__ import annotations

import math
from dataclasses import replace

from photofinish.domain.matching import Calibration, match_probability, rounded_similarity

ANCHOR = 80.0
"""The Similarity of the calibration's `min_similarity`."""
ASSOCIATION = 75.0
"""The protocol's default threshold for making a face a user's."""


class SimilarityScale:
    """A strictly increasing function from cosine to Similarity, and its inverse."""

    def __init__(self, calibration: Calibration) -> None:
        """Raises ValueError if the calibration's curve is too flat to distinguish strangers from equal faces."""
        # The curve is p(cosine) / p(1); the log odds at min_similarity are chosen so that the curve is ANCHOR there.
        self._calibration = calibration
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

    def shown(self, cosine: float) -> float:
        """Return the Similarity, 0 to 100, that answers have: that of the cosine's step, to four digits."""
        return round(self.similarity(rounded_similarity(cosine, self._calibration)), 4)

    def searched(self, threshold: float) -> float:
        """Return the cosine that a search with this threshold, 0 to 100, requires: at least that of 80."""
        return max(self.cosine(threshold), self._calibration.min_similarity)

    def associated(self, threshold: float) -> float:
        """Return the cosine that a face needs to become a user's: -1 for a threshold of 0, else at least that of 75.

        Rounded like answers, or the refusals of many thresholds would tell an exact cosine.
        """
        if threshold <= 0:
            return -1.0
        return rounded_similarity(self.cosine(max(threshold, ASSOCIATION)), self._calibration)

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
