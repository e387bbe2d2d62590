"""Where a bib detector saw a bib: what is to be read there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.domain.bib import Bib
from photofinish.domain.geometry import Box
from photofinish.domain.torso import ENOUGH_DIGITS, TorsoWindow

# A bib is some 24 × 18 cm and a face's box some 15 × 20 cm: their sides' geometric means are as 1.2 to 1.
BIB_PER_FACE = 1.2
# Around the box, as a share of its side (√(width × height)): text that touches a window's side counts as cut.
MARGIN = 0.2
# Nobody reads the digits of smaller ones.
MIN_BIB_PX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedBib:
    """A bib that was seen, not read."""

    box: Box
    score: float


def bib_windows(
    detected: Sequence[DetectedBib], bibs: Sequence[Bib], *, width: int, height: int
) -> tuple[TorsoWindow, ...]:
    """Windows around the detected bibs in which no whole number was read, of a photo of `width` × `height` pixels.

    Their `face_px` is how large the wearer's face should be, so that they are looked at as closely as torsos.
    """
    numbers = [bib.box for bib in bibs if len(bib.number) >= ENOUGH_DIGITS and not bib.partial]
    windows = []
    for one in detected:
        x, y, w, h = one.box.to_pixels(width, height)
        side = math.sqrt(max(0.0, w * h))
        if side < MIN_BIB_PX or any(_has_the_middle_of(one.box, number) for number in numbers):
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


def _has_the_middle_of(box: Box, number: Box) -> bool:
    x, y = number.x + number.w / 2, number.y + number.h / 2
    return box.x <= x <= box.x + box.w and box.y <= y <= box.y + box.h
