"""Which images can go through a model together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.session import Session


def batch_size(session: Session, *, large: int, small: int) -> int:
    """Return how many inputs to run through a model at once: `large` on a GPU, `small` on a CPU."""
    return large if session.large_batches_pay else small


def padded_to_32(size: int) -> int:
    """Round up to a multiple of 32, which the strides of the detection models need."""
    return -(-size // 32) * 32


def groups_of_one_shape(images: Sequence[NDArray[np.uint8]], *, at_most: int) -> list[list[int]]:
    """Group the indices of images whose padded shapes are equal, `at_most` in each group."""
    by_shape: dict[tuple[int, int], list[int]] = {}
    for index, image in enumerate(images):
        by_shape.setdefault((padded_to_32(image.shape[0]), padded_to_32(image.shape[1])), []).append(index)
    return [
        indices[start : start + at_most] for indices in by_shape.values() for start in range(0, len(indices), at_most)
    ]
