"""Estimate how similar strangers of one album are, from pairs of faces of one photo, which are certainly strangers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.matching import Calibration

# At least this many pairs are needed to raise the thresholds of the model catalogue.
MIN_PAIRS = 5_000
# The rate at `min_similarity` (see Calibration).
FALSE_MATCH_RATE = 1e-3
# A few pairs of one photo are one person's (a mirror, a poster, a photo in the photo): they must not decide.
MAX_RAISE = 0.15
_Z95 = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumCalibration:
    """What similarities mean in one album."""

    calibration: Calibration
    """The catalogue's, with higher thresholds where strangers of this album are more similar than usual."""
    stranger_pairs: int
    """Number of compared pairs."""
    false_matches: int
    """Those of these pairs that are as similar as faces of one person."""
    rate_at_most: float
    """The false match rate is below this with 97.5 % confidence; 1 without pairs."""


def calibrate_album(similarities: NDArray[np.float32], calibration: Calibration) -> AlbumCalibration:
    """Adapt `calibration` to the similarities (P,) of pairs of recognisable faces of one photo; P may be 0."""
    raised = calibration
    if similarities.size >= MIN_PAIRS:
        here = float(np.quantile(similarities, 1 - FALSE_MATCH_RATE))
        by = min(max(here - calibration.min_similarity, 0.0), MAX_RAISE)
        raised = replace(
            calibration,
            min_similarity=min(calibration.min_similarity + by, 1.0),
            stranger_similarity=min(calibration.stranger_similarity + by, 1.0),
        )
    false_matches = int((similarities >= raised.min_similarity).sum())
    return AlbumCalibration(
        calibration=raised,
        stranger_pairs=int(similarities.size),
        false_matches=false_matches,
        rate_at_most=_upper_bound(false_matches, int(similarities.size)),
    )


def same_photo_similarities(
    vectors: NDArray[np.float32], photos: NDArray[np.int64], *, max_pairs: int = 200_000
) -> NDArray[np.float32]:
    """Similarities (P,) of all pairs of rows of the same photo, for as many photos as give about `max_pairs`.

    `vectors` is (N, D) unit rows, `photos` (N,) the photo of each.
    """
    order = np.argsort(photos, kind="stable")
    starts = np.flatnonzero(np.diff(photos[order], prepend=-1))
    found: list[NDArray[np.float32]] = []
    count = 0
    for rows in np.split(order, starts[1:]):
        if len(rows) > 1 and count < max_pairs:
            similarities = vectors[rows] @ vectors[rows].T
            found.append(similarities[np.triu_indices(len(rows), 1)])
            count += len(found[-1])
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _upper_bound(hits: int, count: int) -> float:
    """Upper end of the 95 % interval of Wilson (1927) for a rate observed as `hits` of `count`."""
    if count == 0:
        return 1.0
    rate, z2 = hits / count, _Z95**2
    spread = _Z95 * math.sqrt(rate * (1 - rate) / count + z2 / (4 * count**2))
    return min(1.0, (rate + z2 / (2 * count) + spread) / (1 + z2 / count))
