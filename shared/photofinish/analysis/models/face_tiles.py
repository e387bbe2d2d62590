"""Tiles in which large pictures are searched more closely: pure functions."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# In pixels of the network's input.
LARGEST_TILE_PX = 1408
OVERLAP_PX = 128
MAX_FACE_PX = OVERLAP_PX * 3 // 4
"""Larger faces in a tile are left to the pass before, at half the scale: there they are large enough, and whole."""
_BEYOND_CORE_PX = OVERLAP_PX // 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A part of a picture, in its pixels, and its core: the cores of all tiles cover the picture without overlaps."""

    left: int
    top: int
    right: int
    bottom: int
    core: tuple[float, float, float, float]
    """Left, top, right and bottom; infinite where the tile ends at the picture's edge."""
    scale: float
    """Pixels of the network's input per pixel of the picture."""

    def owns(self, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of (N, 4) boxes found in this tile count: those of whole faces in and near its core.

        A face of at most `MAX_FACE_PX` lies wholly in the tile whose core contains its centre. Cores are extended a
        little here, since two tiles do not agree to the pixel on the centre of a face on their border.
        """
        x, y = boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3] / 2
        left, top, right, bottom = self.core
        beyond = _BEYOND_CORE_PX / self.scale
        inside = (x >= left - beyond) & (x <= right + beyond) & (y >= top - beyond) & (y <= bottom + beyond)
        owned: NDArray[np.bool_] = inside & (boxes[:, 2:].max(axis=1, initial=0) * self.scale <= MAX_FACE_PX)
        return owned

    def count(self, boxes: NDArray[np.float32]) -> int:
        """How many of (N, 4) boxes have their centre in the tile."""
        x, y = boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3] / 2
        return int(((x >= self.left) & (x < self.right) & (y >= self.top) & (y < self.bottom)).sum())


def tiles_of(width: int, height: int, scale: float) -> list[Tile]:
    """Cover a picture with tiles of one size (to a pixel), row by row.

    Scaled by `scale`, none is larger than `LARGEST_TILE_PX`, and neighbours overlap by at least `OVERLAP_PX`.
    """
    return [
        Tile(
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            core=(core_left, core_top, core_right, core_bottom),
            scale=scale,
        )
        for top, bottom, core_top, core_bottom in _spans(height, scale)
        for left, right, core_left, core_right in _spans(width, scale)
    ]


def _spans(length: int, scale: float) -> list[tuple[int, int, float, float]]:
    """(start, end, core start, core end) of the tiles along one side."""
    count = max(1, math.ceil((length * scale - OVERLAP_PX) / (LARGEST_TILE_PX - 1 - OVERLAP_PX)))
    size = min(length, math.ceil((length + (count - 1) * OVERLAP_PX / scale) / count))
    starts = [index * (length - size) // max(1, count - 1) for index in range(count)]
    borders = [(start + size + following) / 2 for start, following in itertools.pairwise(starts)]
    cores = zip([-math.inf, *borders], [*borders, math.inf], strict=True)
    return [(start, start + size, *core) for start, core in zip(starts, cores, strict=True)]
