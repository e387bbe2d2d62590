"""Redaction against OpenCV, and its guarantee not to change the rest of the image."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import photofinish_kernels as kernels


def photo(height: int, width: int) -> NDArray[np.uint8]:
    """An image with coarse and fine detail."""
    rng = np.random.default_rng(height)
    fine = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    coarse = rng.integers(0, 256, (max(height // 40, 2), max(width // 40, 2), 3), dtype=np.uint8)
    return cv2.addWeighted(cv2.resize(coarse, (width, height)), 0.7, fine, 0.3, 0)


def whole(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32)


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(np.float64) - b) ** 2)))


@pytest.mark.parametrize(("size", "sigma"), [(400, 40), (400, 10), (400, 3), (150, 40), (97, 12)])
def test_blur_is_close_to_a_gaussian(size: int, sigma: float) -> None:
    image = photo(size, size)
    expected = cv2.GaussianBlur(image, (0, 0), sigma)
    kernels.redact_blur(image, whole(image), sigma=sigma, shape="rectangle")
    assert psnr(image, expected) >= 40


def test_pixelation_equals_downscaling_by_area_and_upscaling_by_nearest() -> None:
    image = photo(120, 90)
    small = cv2.resize(image.astype(np.float32), (6, 8), interpolation=cv2.INTER_AREA)
    expected = cv2.resize(small, (90, 120), interpolation=cv2.INTER_NEAREST)
    kernels.redact_pixelate(image, whole(image), block=15, shape="rectangle")
    assert np.abs(image - expected).max() < 0.51


edge = st.floats(-60, 160, width=32)


@given(st.tuples(edge, edge, edge, edge), st.sampled_from(["ellipse", "rectangle"]), st.floats(0, 20, width=32))
def test_pixels_outside_a_region_do_not_change(box: tuple[float, ...], shape: Any, feather: float) -> None:
    before = photo(70, 110)
    left, top, right, bottom = box
    outside = np.ones(before.shape[:2], np.bool_)
    if left < right and top < bottom:
        x, y = np.meshgrid(np.arange(110) + 0.5, np.arange(70) + 0.5)
        near = feather + 0.01
        outside = (x < left - near) | (x > right + near) | (y < top - near) | (y > bottom + near)
    blurred, pixelated = before.copy(), before.copy()
    boxes = np.array([box], np.float32)
    kernels.redact_blur(blurred, boxes, sigma=9, shape=shape, feather=feather)
    kernels.redact_pixelate(pixelated, boxes, block=9, shape=shape, feather=feather)
    assert (blurred[outside] == before[outside]).all()
    assert (pixelated[outside] == before[outside]).all()


def test_a_block_as_large_as_the_region_gives_one_colour() -> None:
    image = photo(64, 64)
    kernels.redact_pixelate(image, np.array([[10, 12, 50, 52]], np.float32), block=40, shape="ellipse")
    assert (image[32, 11:49] == image[32, 30]).all()
    assert (image[13:51, 30] == image[32, 30]).all()


def test_invalid_arguments_are_rejected_by_name() -> None:
    image, boxes = photo(20, 30), np.zeros((1, 4), np.float32)
    readonly = image.copy()
    readonly.flags.writeable = False
    cases: list[tuple[dict[str, Any], str]] = [
        ({"image": image[:, 2:]}, "image: must be C-contiguous"),
        ({"image": image[..., 0]}, "image: expected uint8"),
        ({"image": readonly}, "image: "),
        ({"boxes": boxes[:, :3]}, "boxes: must have 4 columns"),
        ({"boxes": boxes[0]}, "boxes: expected float32"),
        ({"boxes": boxes * np.nan}, "boxes.0.: contains NaN"),
        ({"sigma": 0}, "sigma: must be finite and above 0"),
        ({"sigma": float("inf")}, "sigma: must be finite and above 0"),
        ({"shape": "star"}, "shape: must be ellipse or rectangle"),
        ({"feather": -1}, "feather: must be finite and at least 0"),
    ]
    for change, message in cases:
        with pytest.raises(ValueError, match=message):
            kernels.redact_blur(**{"image": image, "boxes": boxes, "sigma": 3} | change)
    with pytest.raises(ValueError, match="block: must be at least 1"):
        kernels.redact_pixelate(image, boxes, block=0)
