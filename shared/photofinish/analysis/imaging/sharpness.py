"""Sharpness of frames and face chips, computed by the Rust kernels."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

import photofinish_kernels
from photofinish.analysis.imaging.resizing import fit_within

FRAME_LONGEST_SIDE = 1024
# The kernels compare each pixel with its neighbours.
_MIN_SIDE = 4


def frame_sharpness(image: NDArray[np.uint8]) -> tuple[float, float]:
    """Re-blur sharpness (0 to 1) and variance of the Laplacian of a (H, W, 3) BGR image at 1024 px.

    The size is fixed so that sensor noise and pixel count do not count as sharpness.
    """
    gray = _gray(fit_within(image, FRAME_LONGEST_SIDE, min_side=_MIN_SIDE))
    return photofinish_kernels.reblur_sharpness(gray), photofinish_kernels.laplacian_variance(gray)


def chip_sharpness(chips: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Re-blur sharpness, 0 to 1, of each of the (N, 112, 112, 3) BGR chips; N may be 0."""
    if len(chips) == 0:
        return np.zeros(0)
    return photofinish_kernels.reblur_sharpness_batch(np.stack([_gray(chip) for chip in chips]))


def _gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cast("NDArray[np.uint8]", cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
