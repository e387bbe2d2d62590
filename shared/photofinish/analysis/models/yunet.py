"""YuNet, a face detector with five landmarks: its input and its outputs.

Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.batching import batch_size, groups_of_one_shape, padded_to_32
from photofinish.analysis.models.detections import Detections
from photofinish.analysis.models.session import Session

# Candidates with a lower score are dropped.
DOUBTFUL_SCORE = 0.3
_STRIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the network sees of an image: a part of it, scaled."""

    pixels: NDArray[np.uint8]
    """(H, W, 3) BGR."""
    left: int = 0
    top: int = 0
    step: tuple[float, float] = (1.0, 1.0)
    """Pixels of the image per pixel of the view, across and down."""


class YuNet:
    """Runs the network. Threads may share it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._batch = batch_size(session, large=8, small=1)

    def candidates(self, views: Sequence[View], *, at_most: int | None = None) -> list[Detections]:
        """Everything that may be a face in each view, in pixels of its image; views of one shape are run together.

        `at_most` is the largest batch, by default one that suits photos.
        """
        found: dict[int, Detections] = {}
        for indices in groups_of_one_shape([view.pixels for view in views], at_most=at_most or self._batch):
            outputs = self._session.run(np.stack([_as_input(views[index].pixels) for index in indices]))
            for position, index in enumerate(indices):
                found[index] = _decode({name: values[position] for name, values in outputs.items()}, views[index])
        return [found[index] for index in range(len(views))]


def _as_input(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(3, H, W) float32, BGR 0–255, zeros to the right and below up to multiples of 32."""
    height, width = image.shape[:2]
    canvas = np.zeros((3, padded_to_32(height), padded_to_32(width)), np.float32)
    canvas[:, :height, :width] = image.transpose(2, 0, 1)
    return canvas


def _decode(outputs: dict[str, NDArray[np.float32]], view: View) -> Detections:
    """Convert the anchors of all strides to boxes and landmarks in the image's pixels, as OpenCV's FaceDetectorYN."""
    step, origin_of_view = np.array(view.step, np.float32), np.array([view.left, view.top], np.float32)
    padded_width = padded_to_32(view.pixels.shape[1])
    boxes, landmarks, scores = [], [], []
    for stride in _STRIDES:
        score = np.sqrt(np.clip(outputs[f"cls_{stride}"], 0, 1) * np.clip(outputs[f"obj_{stride}"], 0, 1))[:, 0]
        (kept,) = np.nonzero(score >= DOUBTFUL_SCORE)
        rows, columns = np.divmod(kept, padded_width // stride)
        origin = np.stack([columns, rows], axis=1).astype(np.float32)
        offsets = outputs[f"bbox_{stride}"][kept]
        centre = (origin + offsets[:, :2]) * stride
        size = np.exp(offsets[:, 2:]) * stride
        boxes.append(np.concatenate([(centre - size / 2) * step + origin_of_view, size * step], axis=1))
        points = outputs[f"kps_{stride}"][kept].reshape(-1, 5, 2)
        landmarks.append((points + origin[:, None]) * stride * step + origin_of_view)
        scores.append(score[kept])
    points = np.concatenate(landmarks)
    return Detections(np.concatenate(boxes), points, np.concatenate(scores), points)
