"""Draw an album's watermark on pictures.

OpenCV 5 draws text with fonts of its own, which have Latin, Greek, Cyrillic and the scripts of East Asia; a character
that they lack becomes a question mark.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

_FONT = "sans"
_WEIGHT = 600
_ANGLE_DEG = 30.0
# Shares of the picture's diagonal. A long text is drawn smaller, so that one whole copy is seen in each picture.
_TEXT_HEIGHT, _MAX_TEXT_LENGTH = 0.035, 0.5
_MIN_TEXT_PX = 6
# From one copy to the next: along the row in lengths of the text, across rows in heights.
_COLUMN_STEP, _ROW_STEP = 1.5, 6.0
# White letters are seen on what is dark, their black outline on what is light.
_LETTERS, _OUTLINE = 0.34, 0.26
_OUTLINE_WIDTH = 0.08  # in heights of the text


def draw_watermark(picture: NDArray[np.uint8], text: str) -> None:
    """Draw `text` in slanting rows all over a C-contiguous (H, W, 3) BGR picture, in place: no part is without it."""
    height, width = picture.shape[:2]
    kept_of_white, kept_of_black = _layers(text, width, height)
    cv2.multiply(picture, kept_of_black, dst=picture, scale=1 / 255)
    cv2.bitwise_not(picture, dst=picture)  # mixing with white is mixing the negative with black
    cv2.multiply(picture, kept_of_white, dst=picture, scale=1 / 255)
    cv2.bitwise_not(picture, dst=picture)


@lru_cache(maxsize=4)  # most pictures of an album have one of two sizes; each entry takes 10 MB
def _layers(text: str, width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """How much of a picture the white letters and their black outline leave: two arrays (H, W, 3) of 0 to 255."""
    letters = _letters(text, width, height)
    outline_px = max(1, round(_OUTLINE_WIDTH * _text_px(text, math.hypot(width, height))))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * outline_px + 1, 2 * outline_px + 1))
    outline = cv2.subtract(cv2.dilate(letters, brush), letters)
    return _kept(letters, _LETTERS), _kept(outline, _OUTLINE)


def _kept(layer: NDArray[np.uint8] | cv2.typing.MatLike, opacity: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.merge([(255 - np.asarray(layer) * opacity).round().astype(np.uint8)] * 3), np.uint8)


def _letters(text: str, width: int, height: int) -> NDArray[np.uint8]:
    """(H, W): 255 where letters are, one copy in the middle; every second row is shifted by half a step."""
    side = math.ceil(math.hypot(width, height))
    size_px = _text_px(text, side)
    length_px = _length_px(text, size_px)
    column_px, row_px = round(_COLUMN_STEP * length_px), round(_ROW_STEP * size_px)
    level = np.zeros((side, side), np.uint8)
    for row in range(-(side // row_px), side // row_px + 1):
        for column in range(-(side // column_px) - 1, side // column_px + 1):
            left = (side - length_px) // 2 + column * column_px + (column_px // 2 if row % 2 else 0)
            base = side // 2 + row * row_px + size_px // 3
            if -length_px < left < side and 0 <= base < side + size_px:
                cv2.putText(level, text, (left, base), (255, 255, 255), cv2.FontFace(_FONT), size_px, _WEIGHT)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), _ANGLE_DEG, 1)
    turn[0, 2] += (width - side) / 2
    turn[1, 2] += (height - side) / 2
    return np.asarray(cv2.warpAffine(level, turn, (width, height)), np.uint8)


def _text_px(text: str, diagonal_px: float) -> int:
    """The size of the font."""
    usual_px = _TEXT_HEIGHT * diagonal_px
    length_px = _length_px(text, max(1, round(usual_px)))
    return max(_MIN_TEXT_PX, round(usual_px * min(1.0, _MAX_TEXT_LENGTH * diagonal_px / length_px)))


def _length_px(text: str, size_px: int) -> int:
    _, _, length_px, _ = cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace(_FONT), size_px, _WEIGHT)
    return max(1, int(length_px))
