"""Images and vectors for the parity tests of the Rust kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Below, at and above the number of lanes of every vector type.
LENGTHS = [1, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65]


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def unit_rows(count: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def people(count: int, each: int, dim: int, spread: float = 0.15) -> NDArray[np.float32]:
    """Unit rows (count * each, dim) of `count` people in turn, each about `spread` away from the person's direction."""
    rows = np.tile(unit_rows(count, dim), (each, 1)) + np.float32(spread) * unit_rows(count * each, dim, seed=1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows
