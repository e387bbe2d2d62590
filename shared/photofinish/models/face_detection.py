"""YuNet: faces with five landmarks (Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.imaging.resizing import fit_within
from photofinish.models.batching import batch_size, groups_of_one_shape, padded_to_32
from photofinish.models.session import Session

# Small pictures are enlarged, up to twice: on race photos of 0.5 MP landmarks get so much better that the share of
# same-person pairs found at a false accept rate of 1e-3 grows from .76 to .86.
LONGEST_SIDE = 1280
MAX_ENLARGEMENT = 2.0
# Faces that fill a picture are larger than those of the training data: a look at a quarter of the size finds them.
CLOSE_UP_LONGEST_SIDE = 320
MIN_SCORE = 0.6
MAX_OVERLAP = 0.3
_STRIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces found in one image, in its pixels, largest first; N may be 0."""

    boxes: NDArray[np.float32]
    """(N, 4): left, top, width, height."""
    landmarks: NDArray[np.float32]
    """(N, 5, 2): x, y of right eye, left eye, nose tip, right and left mouth corner (the person's right)."""
    scores: NDArray[np.float32]
    """(N,), 0 to 1."""

    def __len__(self) -> int:
        return len(self.scores)


class FaceDetector:
    """Finds the faces of images."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._batch = batch_size(session, large=8, small=1)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The faces of each (H, W, 3) BGR image, in order. Images of one shape are run together."""
        candidates: list[list[Detections]] = [[] for _ in images]
        looks = ([_enlarged(image) for image in images], [fit_within(image, CLOSE_UP_LONGEST_SIDE) for image in images])
        for fitted in looks:
            for indices in groups_of_one_shape(fitted, at_most=self._batch):
                outputs = self._session.run(np.stack([_as_input(fitted[index]) for index in indices]))
                for position, index in enumerate(indices):
                    one = {name: values[position] for name, values in outputs.items()}
                    height, width = images[index].shape[:2]
                    fitted_height, fitted_width = fitted[index].shape[:2]
                    scale = np.array([width / fitted_width, height / fitted_height], np.float32)
                    candidates[index].append(_decode(one, fitted_width, scale))
        return [_merge(found) for found in candidates]


def suppress_overlaps(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], max_overlap: float = MAX_OVERLAP
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: indices of the kept (x, y, w, h) boxes, best score first.

    No two kept boxes overlap by more than `max_overlap` (intersection over union), and every other box overlaps a kept
    one of at least its score by more.
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
        remaining = rest[shared <= max_overlap * (area[best] + area[rest] - shared)]
    return np.array(kept, np.intp)


def _enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scaled down, or up by `MAX_ENLARGEMENT` at most, to `LONGEST_SIDE`."""
    height, width = image.shape[:2]
    scale = min(LONGEST_SIDE / max(height, width), MAX_ENLARGEMENT)
    if scale <= 1:
        return fit_within(image, LONGEST_SIDE)
    size = (round(width * scale), round(height * scale))
    return cast("NDArray[np.uint8]", cv2.resize(image, size, interpolation=cv2.INTER_LINEAR))


def _as_input(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(3, H, W) float32, BGR 0–255, zeros to the right and below up to multiples of 32."""
    height, width = image.shape[:2]
    canvas = np.zeros((3, padded_to_32(height), padded_to_32(width)), np.float32)
    canvas[:, :height, :width] = image.transpose(2, 0, 1)
    return canvas


def _decode(outputs: dict[str, NDArray[np.float32]], width: int, scale: NDArray[np.float32]) -> Detections:
    """Anchors of all strides to boxes and landmarks in the image's own pixels, as OpenCV's FaceDetectorYN does."""
    boxes, landmarks, scores = [], [], []
    for stride in _STRIDES:
        score = np.sqrt(np.clip(outputs[f"cls_{stride}"], 0, 1) * np.clip(outputs[f"obj_{stride}"], 0, 1))[:, 0]
        (kept,) = np.nonzero(score >= MIN_SCORE)
        rows, columns = np.divmod(kept, padded_to_32(width) // stride)
        origin = np.stack([columns, rows], axis=1).astype(np.float32)
        offsets = outputs[f"bbox_{stride}"][kept]
        centre = (origin + offsets[:, :2]) * stride
        size = np.exp(offsets[:, 2:]) * stride
        boxes.append(np.concatenate([(centre - size / 2) * scale, size * scale], axis=1))
        points = outputs[f"kps_{stride}"][kept].reshape(-1, 5, 2)
        landmarks.append((points + origin[:, None]) * stride * scale)
        scores.append(score[kept])
    return Detections(np.concatenate(boxes), np.concatenate(landmarks), np.concatenate(scores))


def _merge(found: Sequence[Detections]) -> Detections:
    boxes = np.concatenate([detections.boxes for detections in found])
    landmarks = np.concatenate([detections.landmarks for detections in found])
    scores = np.concatenate([detections.scores for detections in found])
    kept = suppress_overlaps(boxes, scores)
    boxes, landmarks, scores = boxes[kept], landmarks[kept], scores[kept]
    order = np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3]))
    return Detections(boxes[order], landmarks[order], scores[order])
