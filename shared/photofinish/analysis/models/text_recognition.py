"""PP-OCR text recognition: reads a line (a CTC network over strips 48 pixels high)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.batching import batch_size
from photofinish.analysis.models.session import Session

LINE_HEIGHT = 48
# Strips are padded to the next multiple of this, never to the widest of their batch: the text of a line must not depend
# on the other lines of the batch.
WIDTH_STEP = 32
MAX_WIDTH = 2560
_BLANK = 0
# A line that is so many times as high as it is wide is a column (as in PaddleOCR).
_COLUMN = 1.5
_UPRIGHT_DEG = 15.0
_STEEP_DEG = 60.0


class ReadLine(NamedTuple):
    """A line's text and the mean probability of its characters, 0 to 1; `("", 0.0)` if nothing was read."""

    text: str
    score: float
    digit_probabilities: tuple[tuple[float, ...], ...] = ()
    """For each character, the probability of each digit 0 to 9 at its position; empty if not reported."""


class TextRecognizer:
    """Reads crops of single lines."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._batch = batch_size(session, large=32, small=4)
        # Class 0 is CTC's blank; the last class is the space, which the list in the file lacks.
        self._characters = ["", *session.metadata["character"].split("\n"), " "]
        self._digits = [self._characters.index(digit) for digit in "0123456789"]

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> list[ReadLine]:
        """Read each (H, W, 3) BGR crop of one horizontal line, in order.

        Crops of similar width are run together, so that little of a batch is padding; the text of a crop does not
        depend on the others.
        """
        widths = [_width_at_line_height(crop) for crop in crops]
        lines = [ReadLine("", 0.0)] * len(crops)
        for indices, strip_width in _batches(widths, self._batch):
            # At least two: ONNX Runtime multiplies a batch of one in another order, which changes the last bits.
            batch = np.zeros((max(2, len(indices)), 3, LINE_HEIGHT, strip_width), np.float32)
            for strip, index in zip(batch, indices, strict=False):
                resized = cv2.resize(crops[index], (widths[index], LINE_HEIGHT))
                strip[:, :, : widths[index]] = resized.transpose(2, 0, 1) / np.float32(127.5) - np.float32(1)
            (output,) = self._session.run(batch).values()
            for probabilities, index in zip(output, indices, strict=False):
                lines[index] = ctc_decode(probabilities, self._characters, self._digits)
        return lines


def ctc_decode(probabilities: NDArray[np.float32], characters: Sequence[str], digits: Sequence[int] = ()) -> ReadLine:
    """Decode (T, C) class probabilities: the best class of each step, repeats joined, blanks (class 0) dropped.

    `digits` are the classes of 0 to 9; without them the line has no digit probabilities.
    """
    best = probabilities.argmax(axis=1)
    kept = best != _BLANK
    kept[1:] &= best[1:] != best[:-1]
    if not kept.any():
        return ReadLine("", 0.0)
    score = float(probabilities[kept, best[kept]].mean())
    of_digits = probabilities[kept][:, list(digits)].tolist() if digits else []
    return ReadLine("".join(characters[index] for index in best[kept]), score, tuple(map(tuple, of_digits)))


def cut_line(image: NDArray[np.uint8], corners: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut out the line with these (4, 2) corners, top left first, clockwise, as a horizontal (H, W, 3) crop."""
    width, height = (max(1, int(side)) for side in sides_of(corners))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    crop = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return cast("NDArray[np.uint8]", crop)


def readings_of(corners: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The ways in which a line may be read, each as its corners from where its text begins.

    A column, or a steep line, is read downwards or upwards. Of a short tilted line (two digits are as high as they are
    wide) it cannot be seen which side is its upper one; those of longer lines are told apart by their length.
    """
    width, height = sides_of(corners)
    downwards, reverse, upwards = (np.roll(corners, -turns, axis=0) for turns in (1, 2, 3))
    if height >= _COLUMN * width:
        return [downwards, upwards]
    if _STEEP_DEG < tilt_deg(corners) < 180 - _STEEP_DEG and width >= _COLUMN * height:
        return [corners, reverse]
    if height * _COLUMN > width and tilt_deg(corners) > _UPRIGHT_DEG:
        return [corners, downwards, upwards]
    return [corners]


def tilt_deg(corners: NDArray[np.float32]) -> float:
    """How far a line's reading direction is turned from the horizontal one to the right, 0 to 180 degrees."""
    right, down = corners[1] + corners[2] - corners[0] - corners[3]
    return abs(math.degrees(math.atan2(down, right)))


def sides_of(corners: NDArray[np.float32]) -> tuple[float, float]:
    """Width and height of a line with these (4, 2) corners: of its longer sides."""
    top_left, top_right, bottom_right, bottom_left = corners
    width = max(np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_right - bottom_left))
    height = max(np.linalg.norm(bottom_left - top_left), np.linalg.norm(bottom_right - top_right))
    return float(width), float(height)


def _width_at_line_height(crop: NDArray[np.uint8]) -> int:
    height, width = (int(side) for side in crop.shape[:2])
    return min(MAX_WIDTH, max(1, math.ceil(LINE_HEIGHT * width / height)))


def _batches(widths: Sequence[int], at_most: int) -> Iterator[tuple[list[int], int]]:
    """Yield the indices of lines to run together, each once, and the width of their strips."""
    by_strip_width: dict[int, list[int]] = {}
    for index, width in enumerate(widths):
        by_strip_width.setdefault(-(-width // WIDTH_STEP) * WIDTH_STEP, []).append(index)
    for strip_width, indices in sorted(by_strip_width.items()):
        for start in range(0, len(indices), at_most):
            yield indices[start : start + at_most], strip_width
