"""Aligns faces: upright 112×112 chips, with eyes and mouth where the embedding models expect them."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

CHIP_SIZE = 112
# The five points of ArcFace (insightface, `arcface_dst`), in pixels of a 112×112 chip.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
# Rows and columns of a chip that show skin: no hair, and no background beside a turned face.
_SKIN = (slice(40, 104), slice(34, 78))
_LUMA_OF_BGR = np.array([0.114, 0.587, 0.299])


def similarity_transform(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """Find the rotation, scale and shift that best map (N, 2) `source` points to `target`, as a (2, 3) matrix.

    Least squares (Umeyama 1991) without reflections; in the plane it has this closed form over complex numbers.
    """
    a = source[:, 0] + 1j * source[:, 1].astype(np.complex128)
    b = target[:, 0] + 1j * target[:, 1].astype(np.complex128)
    centred = a - a.mean()
    spread = float(np.sum(np.abs(centred) ** 2))
    turn = complex(np.sum(np.conj(centred) * (b - b.mean()))) / spread if spread > 0 else 1.0 + 0j
    shift = complex(b.mean()) - turn * complex(a.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def align(image: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut the (112, 112, 3) chip of the face with these (5, 2) landmarks, in the image's colour order.

    Pixels outside the image are black. A face much larger than the chip is averaged down first, so that skin texture
    does not alias.
    """
    return warped(image, similarity_transform(landmarks, TEMPLATE), CHIP_SIZE)


def warped(image: NDArray[np.uint8], matrix: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """Transform an image by `matrix`, (2, 3) without shear, to a (side, side, 3) square; black outside the image.

    An image that gets much smaller is averaged down first.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale <= 0.5:
        image, matrix = _averaged_down(image, matrix, side, int(1 / scale))
    square = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR)
    return cast("NDArray[np.uint8]", square)


def chip_brightness(chips: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean luma (Rec. 601), 0 to 100, between brows and chin of each of the (N, 112, 112, 3) BGR chips; N may be 0."""
    means = chips[:, _SKIN[0], _SKIN[1]].mean(axis=(1, 2), dtype=np.float64)
    return np.asarray(means @ _LUMA_OF_BGR * (100 / 255), np.float64)


def _averaged_down(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], side: int, factor: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the part of the image inside the square, `factor` times smaller, and the matrix from it to the square."""
    to_image = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float64)
    corners = corners @ to_image[:, :2].T + to_image[:, 2]
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(corners.min(axis=0)) - factor, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)) + factor, [left + 1, top + 1], [width, height]).astype(int)
    part = image[top:bottom, left:right]
    small_width, small_height = max(1, part.shape[1] // factor), max(1, part.shape[0] // factor)
    small = cv2.resize(part, (small_width, small_height), interpolation=cv2.INTER_AREA)
    x_step, y_step = part.shape[1] / small_width, part.shape[0] / small_height
    # Pixel centres: x_image = (x_small + ½)·step − ½ + left.
    to_part = np.array([[x_step, 0, (x_step - 1) / 2 + left], [0, y_step, (y_step - 1) / 2 + top], [0, 0, 1]])
    return cast("NDArray[np.uint8]", small), matrix @ to_part
