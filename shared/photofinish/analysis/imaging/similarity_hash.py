"""The perceptual hash of a photo, by which near duplicates are found."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

import photofinish_kernels


def similarity_hash(thumbnail: NDArray[np.uint8]) -> int:
    """Return 64 bits of a (H, W, 3) BGR picture, of which similar pictures share most."""
    return photofinish_kernels.perceptual_hash(cast("NDArray[np.uint8]", cv2.cvtColor(thumbnail, cv2.COLOR_BGR2GRAY)))
