"""PP-OCR text detection: finds lines of text (Liao et al., "Real-time scene text detection with DB", 2020).

Thresholds and steps are those of PaddleOCR's post-processing, but boxes stay rectangles throughout.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from photofinish.analysis.imaging.resizing import resized
from photofinish.analysis.models.batching import batch_size, groups_of_one_shape, padded_to_32
from photofinish.analysis.models.session import Session

# Small pictures are enlarged to this shorter side, large ones reduced to this longer side.
# On race photos of 0.5 MP 640 finds as many bibs as PaddleOCR's 736 in four fifths of the time.
SHORTEST_SIDE = 640
LONGEST_SIDE = 1280
_PIXEL_THRESHOLD = 0.3
_BOX_THRESHOLD = 0.5
_UNCLIP_RATIO = 1.6
_MIN_SIDE = 3
_MAX_LINES = 1000


class TextDetector:
    """Finds lines of text."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._batch = batch_size(session, large=4, small=1)

    def detect(
        self, images: Sequence[NDArray[np.uint8]], scales: Sequence[float] | None = None
    ) -> list[NDArray[np.float32]]:
        """Find the lines of each (H, W, 3) BGR image: (N, 4, 2) corners x, y in pixels, top left first, clockwise.

        The network sees each image scaled by its entry of `scales`; None: at a size that suits whole photos. Lines are
        roughly in reading order; N may be 0.
        """
        if scales is None:
            enlarging = cv2.INTER_LINEAR
            scales = [scale_of_photo(*image.shape[:2]) for image in images]
        else:
            # Small parts are enlarged much more than photos: tiny digits are found only after cubic interpolation.
            enlarging = cv2.INTER_CUBIC
        fitted = [scaled(image, scale, enlarging) for image, scale in zip(images, scales, strict=True)]
        found: list[NDArray[np.float32]] = [np.zeros((0, 4, 2), np.float32)] * len(images)
        for indices in groups_of_one_shape(fitted, at_most=self._batch):
            (output,) = self._session.run(np.stack([_as_input(fitted[index]) for index in indices])).values()
            for position, index in enumerate(indices):
                height, width = images[index].shape[:2]
                map_height, map_width = fitted[index].shape[:2]
                scale = np.array([width / map_width, height / map_height], np.float32)
                corners = boxes_of_map(output[position, 0, :map_height, :map_width]) * scale
                found[index] = np.clip(corners, 0, np.array([width - 1, height - 1], np.float32))
        return found


def boxes_of_map(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert a (H, W) probability of text to (N, 4, 2) corners of the lines' rotated rectangles, in its pixels."""
    mask = cv2.dilate((probability > _PIXEL_THRESHOLD).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours[:_MAX_LINES]:
        centre, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < _MIN_SIDE:
            continue
        if _mean_inside(probability, cv2.boxPoints((centre, (width, height), angle))) < _BOX_THRESHOLD:
            continue
        # The network marks lines smaller than they are; Vatti clipping grows a rectangle equally on every side.
        margin = width * height * _UNCLIP_RATIO / (2 * (width + height))
        grown = cv2.boxPoints((centre, (width + 2 * margin, height + 2 * margin), angle))
        boxes.append(_clockwise_from_top_left(grown))
    boxes.sort(key=lambda corners: (round(float(corners[0, 1]) / 10), float(corners[0, 0])))
    return np.array(boxes, np.float32).reshape(-1, 4, 2)


def scale_of_photo(height: int, width: int) -> float:
    """The scale at which the network sees a whole photo of `height` × `width` pixels."""
    return min(max(1.0, SHORTEST_SIDE / min(height, width)), LONGEST_SIDE / max(height, width))


def scaled(image: NDArray[np.uint8], scale: float, enlarging: int) -> NDArray[np.uint8]:
    """Scale a (H, W, 3) image by about `scale`; `enlarging` is OpenCV's interpolation for scales from 1 on.

    Both sides become multiples of 32, so their scales differ slightly.
    """
    height, width = image.shape[:2]
    size = (max(32, round(width * scale / 32) * 32), max(32, round(height * scale / 32) * 32))
    return resized(image, *size, cv2.INTER_AREA if scale < 1 else enlarging)


def _as_input(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(3, H, W) float32, BGR, -1 to 1."""
    assert image.shape[0] == padded_to_32(image.shape[0])
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32) / np.float32(127.5) - np.float32(1)


def _mean_inside(probability: NDArray[np.float32], corners: MatLike) -> float:
    """Mean of the map over a rotated rectangle."""
    height, width = probability.shape
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, [width - 1, height - 1]).astype(int)
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - [left, top]).astype(np.int32)], 1)
    return float(cv2.mean(probability[top : bottom + 1, left : right + 1], mask)[0])


def _clockwise_from_top_left(corners: MatLike) -> NDArray[np.float32]:
    left_to_right = corners[np.argsort(corners[:, 0], kind="stable")]
    top_left, bottom_left = left_to_right[:2][np.argsort(left_to_right[:2, 1], kind="stable")]
    top_right, bottom_right = left_to_right[2:][np.argsort(left_to_right[2:, 1], kind="stable")]
    return np.stack([top_left, top_right, bottom_right, bottom_left]).astype(np.float32)
