"""Detected bibs: where numbers are looked for again more closely."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.domain.bib import Bib
from photofinish.domain.bib_number import digits_of
from photofinish.domain.geometry import Box
from photofinish.domain.torso import ENOUGH_DIGITS, TorsoWindow

# A bib is about 24 × 18 cm and a face's box about 15 × 20 cm: the geometric means of their sides are as 1.2 to 1.
BIB_PER_FACE = 1.2
# Added around the box, as a fraction of its side, √(width × height): text at a window's edge counts as cut off.
MARGIN = 0.2
# The digits of smaller bibs cannot be read.
MIN_BIB_PX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedBib:
    """A bib that a detector found; its number is not read yet."""

    box: Box
    score: float


def bib_windows(
    detected: Sequence[DetectedBib], bibs: Sequence[Bib], *, width: int, height: int
) -> tuple[TorsoWindow, ...]:
    """Windows around the detected bibs without a whole number, in a photo of `width` × `height` pixels.

    Their `face_px` is the expected size of the wearer's face, so that they are read at the same scale as torsos.
    """
    numbers = [bib.box for bib in bibs if len(digits_of(bib.number)) >= ENOUGH_DIGITS and not bib.partial]
    windows = []
    for bib in detected:
        x, y, w, h = bib.box.to_pixels(width, height)
        side = math.sqrt(max(0.0, w * h))
        if side < MIN_BIB_PX or any(_contains_centre(bib.box, number) for number in numbers):
            continue
        margin = MARGIN * side
        windows.append(
            TorsoWindow(
                left=max(0, math.floor(x - margin)),
                top=max(0, math.floor(y - margin)),
                right=min(width, math.ceil(x + w + margin)),
                bottom=min(height, math.ceil(y + h + margin)),
                face_px=side / BIB_PER_FACE,
            )
        )
    return tuple(windows)


def _contains_centre(box: Box, number: Box) -> bool:
    x, y = number.x + number.w / 2, number.y + number.h / 2
    return box.x <= x <= box.x + box.w and box.y <= y <= box.y + box.h
