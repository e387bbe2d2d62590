"""Where to look closer in large pictures, and how to make one list out of everything that was found: pure functions."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# In pixels of what the network sees.
LARGEST_TILE_PX = 1408
OVERLAP_PX = 128
MAX_FACE_PX = OVERLAP_PX * 3 // 4
"""Larger faces of a tile are left to the look before, at half the scale: there they are large enough, and whole."""
_BEYOND_CORE_PX = OVERLAP_PX // 8
MAX_OVERLAP = 0.3
"""Of two boxes of different faces: intersection over union."""
MAX_INSIDE = 0.7
"""Of two boxes of different faces: the share of the smaller one that lies in the larger one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A part of a picture, in its pixels, and its core: the cores of all tiles are the picture without overlaps."""

    left: int
    top: int
    right: int
    bottom: int
    core: tuple[float, float, float, float]
    """Left, top, right and bottom; infinite where the tile ends with the picture."""
    scale: float
    """Pixels of the network's input per pixel of the picture."""

    def owns(self, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of (N, 4) boxes found in this tile count: those of whole faces around its core.

        A face of at most `MAX_FACE_PX` lies wholly in the tile in whose core its middle lies. Cores reach a little into
        each other here, since two looks at a face on their border do not agree on its middle to the pixel.
        """
        x, y = boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3] / 2
        left, top, right, bottom = self.core
        beyond = _BEYOND_CORE_PX / self.scale
        inside = (x >= left - beyond) & (x <= right + beyond) & (y >= top - beyond) & (y <= bottom + beyond)
        owned: NDArray[np.bool_] = inside & (boxes[:, 2:].max(axis=1, initial=0) * self.scale <= MAX_FACE_PX)
        return owned

    def count(self, boxes: NDArray[np.float32]) -> int:
        """Of how many of (N, 4) boxes the middle lies in it."""
        x, y = boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3] / 2
        return int(((x >= self.left) & (x < self.right) & (y >= self.top) & (y < self.bottom)).sum())


def tiles_of(width: int, height: int, scale: float) -> list[Tile]:
    """Tiles of one size (to a pixel) that cover a picture of that size, row by row.

    Scaled by `scale` none is larger than `LARGEST_TILE_PX`, and neighbours share at least `OVERLAP_PX`.
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


def suppress_overlaps(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    max_overlap: float = MAX_OVERLAP,
    max_inside: float = MAX_INSIDE,
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: indices of the kept (x, y, w, h) boxes, best score first.

    Two boxes are of one face where their intersection is more than `max_overlap` of their union, or more than
    `max_inside` of the smaller one. No two kept boxes are, and every other box is of one face with a kept one of at
    least its score.
    """
    left, top = boxes[:, 0], boxes[:, 1]
    right, bottom = left + boxes[:, 2], top + boxes[:, 3]
    area = boxes[:, 2] * boxes[:, 3]
    remaining = np.argsort(-scores, kind="stable")
    kept = []
    while remaining.size:
        best, rest = remaining[0], remaining[1:]
        kept.append(best)
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        apart = shared <= max_overlap * (area[best] + area[rest] - shared)
        remaining = rest[apart & (shared <= max_inside * np.minimum(area[best], area[rest]))]
    return np.array(kept, np.intp)
