"""Measures how each frame of a video differs from those before it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from photofinish.domain.video import FrameChange

_WIDTH, _HEIGHT = 64, 36
_BINS = (12, 5, 5)
_RANGES = (0, 180, 0, 256, 0, 256)
_FAR_BACK = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    luma: NDArray[np.float32]
    """(36, 64), 0 to 1."""
    histogram: NDArray[np.float32]
    """Of hue, saturation and value; sums to 1."""


class FrameChanges:
    """Takes the frames of a video in order."""

    def __init__(self) -> None:
        self._last: deque[_Look] = deque(maxlen=_FAR_BACK)

    def take(self, at_s: float, frame: MatLike) -> FrameChange:
        """Measure a (H, W, 3) BGR frame; the first one differs from nothing."""
        look = _look(frame)
        before = self._last[-1] if self._last else look
        far_before = self._last[0] if self._last else look
        self._last.append(look)
        return FrameChange(
            at_s=at_s,
            colours=_colours(look, before),
            pixels=_pixels(look, before),
            colours_of_three=_colours(look, far_before),
            pixels_of_three=_pixels(look, far_before),
            luma=float(look.luma.mean()),
            contrast=float(look.luma.std()),
        )


def _look(frame: MatLike) -> _Look:
    small = cv2.resize(frame, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
    histogram = cv2.calcHist([hsv], [0, 1, 2], None, _BINS, _RANGES).ravel() / (_WIDTH * _HEIGHT)
    luma: NDArray[np.float32] = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32) / np.float32(255)
    return _Look(luma, np.asarray(histogram, np.float32))


def _colours(one: _Look, other: _Look) -> float:
    return float(np.abs(one.histogram - other.histogram).sum() / 2)


def _pixels(one: _Look, other: _Look) -> float:
    return float(np.abs(one.luma - other.luma).mean())
