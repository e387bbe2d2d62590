"""How often strangers of one album look alike, told from pairs that are strangers for sure: two faces of one photo."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.matching import Calibration

# The catalogue's thresholds are raised where so many pairs or more say that they are too low here.
MIN_PAIRS = 5_000
# The rate that `min_similarity` stands for (see Calibration).
FALSE_MATCH_RATE = 1e-3
# A photo in a photo, a mirror, a poster: few pairs of one photo are one person's, and they must not decide.
MAX_RAISE = 0.15
_Z95 = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumCalibration:
    """What similarities mean in one album."""

    calibration: Calibration
    """The catalogue's, with thresholds raised where this album's strangers are more alike than others."""
    stranger_pairs: int
    """Pairs that were looked at."""
    false_matches: int
    """Those of them that are as similar as one person's faces."""
    rate_at_most: float
    """The false match rate is below this with 97.5 % certainty; 1 where nothing is known."""


def calibrate_album(similarities: NDArray[np.float32], calibration: Calibration) -> AlbumCalibration:
    """From the similarities (P,) of pairs of faces of one photo, good enough to be recognised."""
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
    """The similarities of all pairs of rows of one photo, photo by photo up to about `max_pairs`: (P,)."""
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
    """The upper end of the 95 % interval of Wilson (1927) for a rate seen as `hits` of `count`."""
    if count == 0:
        return 1.0
    rate, z2 = hits / count, _Z95**2
    spread = _Z95 * math.sqrt(rate * (1 - rate) / count + z2 / (4 * count**2))
    return min(1.0, (rate + z2 / (2 * count) + spread) / (1 + z2 / count))
