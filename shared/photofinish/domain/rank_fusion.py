"""Reciprocal rank fusion: what counts is a photo's place in the order of each part, not the part's value.

Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", 2009;
the constant is theirs, and scaled so that a first place counts 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CONSTANT = 60


def reciprocal_ranks(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, P) values of N photos → 61 / (60 + rank) in each of the P orders; equal values share a rank, 0 stays 0."""
    ranked = np.zeros_like(values)
    for part in range(values.shape[1]):
        column = values[:, part]
        falling = np.sort(column)[::-1]
        better = np.searchsorted(-falling, -column, side="left")
        ranked[:, part] = np.where(column > 0, (CONSTANT + 1) / (CONSTANT + 1 + better), 0)
    return ranked
