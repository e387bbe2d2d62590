"""Between cosines and the protocol's Similarity, 0 to 100.

SDKs ask for matches of a Similarity of at least 80 unless told otherwise, so 80 lies where the calibration of the
embedding space puts the false accept rate 1e-3. Around it Similarity follows the log odds that two faces are one
person's (Platt 1999), with the slope that was measured; equal embeddings have 100.
"""

from __future__ import annotations

import math
from dataclasses import replace

from photofinish.domain.matching import Calibration, match_probability

ANCHOR = 80.0
"""The Similarity of the calibration's `min_similarity`."""


class SimilarityScale:
    """Strictly growing from cosine to Similarity, and back."""

    def __init__(self, calibration: Calibration) -> None:
        """Raises ValueError where the calibration's curve is too flat to tell a stranger from the same face."""
        # The curve is p(cosine) / p(1); its log odds at min_similarity are those for which this is the anchor there.
        share = ANCHOR / 100
        steepness = math.exp(-calibration.slope * (1 - calibration.min_similarity))
        if steepness >= share:
            raise ValueError(f"slope {calibration.slope} is too flat for min_similarity {calibration.min_similarity}")
        log_odds = math.log((share - steepness) / (1 - share))
        self._curve = replace(calibration, offset=log_odds - calibration.slope * calibration.min_similarity)
        self._most = match_probability(1.0, self._curve)

    def similarity(self, cosine: float) -> float:
        """0 to 100; a cosine may be a little above 1 by rounding."""
        return 100 * min(1.0, match_probability(cosine, self._curve) / self._most)

    def cosine(self, similarity: float) -> float:
        """The smallest cosine of at least this Similarity, 0 to 100."""
        probability = similarity / 100 * self._most
        if probability <= 0:
            return -1.0
        if similarity >= 100:
            return 1.0
        return max(-1.0, (_log_odds(probability) - self._curve.offset) / self._curve.slope)


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
