"""ThumbHash: a picture in some 20 bytes, for a blurred placeholder until the picture is there.

The format is Evan Wallace's (https://evanw.github.io/thumbhash/, MIT), which apps decode with his libraries. This is
the encoder for pictures without transparency. No Python package of it is well kept.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LUMINANCE_LIMIT = 7
"""Frequencies of the brightness along the longer side."""
_COLOUR_LIMIT = 3


class _Channel(NamedTuple):
    mean: float
    waves: NDArray[np.float64]
    """(N,) coefficients, scaled to 0 to 1 around 0.5."""
    scale: float


def thumbhash(picture: NDArray[np.uint8]) -> bytes:
    """Encode a (H, W, 3) BGR picture of at most 100 pixels a side in 24 bytes or less."""
    height, width = picture.shape[:2]
    blue, green, red = (picture[:, :, channel] / 255.0 for channel in range(3))
    longer = max(width, height)
    across = max(1, _round(_LUMINANCE_LIMIT * width / longer))
    down = max(1, _round(_LUMINANCE_LIMIT * height / longer))
    luminance = _encoded((red + green + blue) / 3, max(3, across), max(3, down))
    yellow_blue = _encoded((red + green) / 2 - blue, _COLOUR_LIMIT, _COLOUR_LIMIT)
    red_green = _encoded(red - green, _COLOUR_LIMIT, _COLOUR_LIMIT)
    is_landscape = width > height
    means: int = (
        _round(63 * luminance.mean)
        | _round(31.5 + 31.5 * yellow_blue.mean) << 6
        | _round(31.5 + 31.5 * red_green.mean) << 12
        | _round(31 * luminance.scale) << 18
    )
    scales: int = (
        (down if is_landscape else across)
        | _round(63 * yellow_blue.scale) << 3
        | _round(63 * red_green.scale) << 9
        | is_landscape << 15
    )
    nibbles = [_round(15 * float(wave)) for channel in (luminance, yellow_blue, red_green) for wave in channel.waves]
    nibbles += [0] * (len(nibbles) % 2)
    pairs = zip(nibbles[::2], nibbles[1::2], strict=True)
    return means.to_bytes(3, "little") + scales.to_bytes(2, "little") + bytes(low | high << 4 for low, high in pairs)


def _encoded(channel: NDArray[np.float64], across: int, down: int) -> _Channel:
    """Transform (H, W) by a DCT-II, and keep the lower frequencies: those above the diagonal."""
    height, width = channel.shape
    frequencies = _cosines(down, height) @ channel @ _cosines(across, width).T / (width * height)
    kept = [(v, u) for v in range(down) for u in range(across) if u * down < across * (down - v)]
    waves = np.array([frequencies[place] for place in kept[1:]])
    scale = float(np.abs(waves).max())
    return _Channel(float(frequencies[0, 0]), 0.5 + 0.5 / scale * waves if scale else waves, scale)


def _cosines(count: int, length: int) -> NDArray[np.float64]:
    """(count, length): the waves that a side of `length` pixels is compared with."""
    return np.cos(np.pi / length * np.outer(np.arange(count), np.arange(length) + 0.5))


def _round(value: float) -> int:
    """Round half up, as JavaScript does, which the format was defined in."""
    return math.floor(value + 0.5)
