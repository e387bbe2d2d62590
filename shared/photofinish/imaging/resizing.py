"""Making pictures smaller."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray


def fit_within(image: NDArray[np.uint8], longest_side: int) -> NDArray[np.uint8]:
    """The (H, W[, 3]) image scaled down so that its longest side is `longest_side` pixels; smaller ones as they are.

    Pixels are averaged over their area, so nothing aliases.
    """
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cast("NDArray[np.uint8]", cv2.resize(image, size, interpolation=cv2.INTER_AREA))
