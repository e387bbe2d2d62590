"""Detected faces, and how overlapping candidates become one face each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MAX_OVERLAP = 0.3
"""Greatest intersection over union of the boxes of two faces."""
MAX_INSIDE = 0.7
"""Greatest share of the smaller of two faces' boxes that lies in the larger one."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces found in one image, in its pixels; N may be 0."""

    boxes: NDArray[np.float32]
    """(N, 4): left, top, width, height."""
    landmarks: NDArray[np.float32]
    """(N, 5, 2): x, y of right eye, left eye, nose tip, right and left mouth corner (the person's right)."""
    scores: NDArray[np.float32]
    """(N,), 0 to 1."""
    first_landmarks: NDArray[np.float32]
    """As `landmarks`, from the pass that found the face; `landmarks` are from a second pass over the face alone.

    Their errors are independent enough that embeddings of both chips together are better than either.
    """
    doubtful_boxes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """(M, 4): as `boxes`, of what may be a face but was not taken for one; a selection or a join has none."""

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """Return those that a NumPy mask or index array chooses."""
        return Detections(self.boxes[chosen], self.landmarks[chosen], self.scores[chosen], self.first_landmarks[chosen])

    def without_overlaps(self, max_overlap: float = MAX_OVERLAP) -> Detections:
        """Return each face once, see :func:`suppress_overlaps`, largest first."""
        faces = self.select(suppress_overlaps(self.boxes, self.scores, max_overlap))
        boxes = faces.boxes
        return faces.select(np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3])))

    @classmethod
    def joined(cls, parts: Iterable[Detections]) -> Detections:
        none = cls(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0, 5, 2), 0, (0, 5, 2))))
        parts = [none, *parts]
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.first_landmarks for part in parts]),
        )


def suppress_overlaps(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    max_overlap: float = MAX_OVERLAP,
    max_inside: float = MAX_INSIDE,
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: indices of the kept (x, y, w, h) boxes, best score first.

    Two boxes are of one face if their intersection is more than `max_overlap` of their union, or more than `max_inside`
    of the smaller one. No two kept boxes are, and every other box is of one face with a kept one of at least its score.
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
