"""`prepare` and `align` against OpenCV and scikit-image."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.transform import estimate_transform

import photofinish_kernels as kernels

# The five landmarks of a 112×112 ArcFace chip.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)


def color_noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(15, 17), (16, 31), (64, 65), (33, 200), (301, 403)])
@pytest.mark.parametrize("frame", [(3, 1), (15, 16), (17, 33), (63, 64)])
def test_prepare_equals_opencv_resize(size: tuple[int, int], frame: tuple[int, int]) -> None:
    """Each axis is downscaled by area, or upscaled by interpolation."""
    image = color_noise(*size)
    wide = cv2.resize(
        image.astype(np.float32),
        (frame[1], size[0]),
        interpolation=cv2.INTER_AREA if frame[1] < size[1] else cv2.INTER_LINEAR,
    )
    expected = cv2.resize(
        wide, (frame[1], frame[0]), interpolation=cv2.INTER_AREA if frame[0] < size[0] else cv2.INTER_LINEAR
    )
    batch = np.full((2, 3, *frame), -1, np.float32)
    assert kernels.prepare(image, batch, 1) == (0, 0, frame[1], frame[0])
    np.testing.assert_allclose(batch[1].transpose(1, 2, 0), expected, atol=0.01)
    assert (batch[0] == -1).all()


def test_prepare_normalises_swaps_and_pads() -> None:
    image = color_noise(60, 120)[4:54, 10:110]  # strided rows
    batch = np.zeros((1, 3, 40, 40), np.float32)
    mean, scale = (10.0, 20.0, 30.0), (0.5, 0.25, 2.0)
    placement = kernels.prepare(image, batch, 0, fit="center", swap_channels=True, mean=mean, scale=scale, fill=114)
    assert placement == (0, 10, 40, 20)
    resized = cv2.resize(np.ascontiguousarray(image).astype(np.float32), (40, 20), interpolation=cv2.INTER_AREA)
    expected = (resized[..., ::-1] - mean) * scale
    np.testing.assert_allclose(batch[0, :, 10:30].transpose(1, 2, 0), expected, atol=0.01)
    for channel in range(3):
        assert (batch[0, channel, :10] == (114 - mean[channel]) * scale[channel]).all()
        assert (batch[0, channel, 30:] == (114 - mean[channel]) * scale[channel]).all()
    rounded = np.zeros((1, 3, 40, 40), np.uint8)
    assert kernels.prepare(image, rounded, 0, fit="pad_end") == (0, 0, 40, 20)
    difference = rounded[0, :, :20].transpose(1, 2, 0).astype(np.float32) - resized
    assert np.abs(difference).max() <= 0.51
    assert (rounded[0, :, 20:] == 0).all()


def faces(count: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    angle = rng.uniform(-1, 1, count)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1).reshape(-1, 2, 2)
    placed = (TEMPLATE @ turn.transpose(0, 2, 1)) * rng.uniform(0.4, 2, (count, 1, 1))
    return (placed + rng.uniform(0, 250, (count, 1, 2)) + rng.normal(size=(count, 5, 2))).astype(np.float32)


@pytest.mark.parametrize("side", [15, 16, 17, 112])
def test_align_equals_warp_affine_with_the_transform_of_scikit_image(side: int) -> None:
    image = cv2.GaussianBlur(color_noise(300, 400), (0, 0), 1)
    landmarks, template = faces(20), TEMPLATE * (side / 112)
    chips = np.zeros((21, side, side, 3), np.uint8)
    planes = np.zeros((21, 3, side, side), np.float32)
    transforms = kernels.align(image, landmarks, template, chips, first=1)
    assert (kernels.align(image, landmarks, template, planes, first=1, swap_channels=True) == transforms).all()
    for i, face in enumerate(landmarks):
        fitted = estimate_transform("similarity", face.astype(np.float64), template.astype(np.float64))
        np.testing.assert_allclose(transforms[i], fitted.params[:2], atol=1e-6)
        expected = cv2.warpAffine(image.astype(np.float32), transforms[i], (side, side))
        # Some builds of OpenCV round sample positions to 1/32 of a pixel.
        assert np.abs(planes[i + 1].transpose(1, 2, 0)[..., ::-1] - expected).max() < 4
        assert np.abs(planes[i + 1].transpose(1, 2, 0)[..., ::-1] - expected).mean() < 0.2
        assert np.abs(planes[i + 1].transpose(1, 2, 0)[..., ::-1] - chips[i + 1]).max() < 0.51
    assert (chips[0] == 0).all()


def test_no_faces_give_no_chips() -> None:
    chips = np.zeros((0, 112, 112, 3), np.uint8)
    assert kernels.align(color_noise(9, 9), faces(0), TEMPLATE, chips).shape == (0, 2, 3)


def test_invalid_arguments_are_rejected_by_name() -> None:
    image, batch = color_noise(20, 30), np.zeros((2, 3, 8, 8), np.float32)
    prepare_cases: list[tuple[dict[str, Any], str]] = [
        ({"image": image[..., :2]}, "image: expected three channels"),
        ({"image": image[..., ::-1]}, "image: the bytes of a row must be contiguous"),
        ({"image": image[:, ::2]}, "image: the bytes of a row must be contiguous"),
        ({"image": image[:0]}, "image: is empty"),
        ({"image": image.astype(np.float32)}, "image: expected uint8"),
        ({"batch": batch.astype(np.float64)}, "batch: expected float32"),
        ({"batch": batch[:, :2]}, "batch: must be C-contiguous"),
        ({"batch": np.zeros((2, 8, 8, 3), np.uint8)}, "batch: expected shape"),
        ({"slot": 2}, "slot: must be below the batch size 2, got 2"),
        ({"fit": "crop"}, "fit: must be stretch, pad_end or center"),
        ({"scale": (1, float("nan"), 1)}, "scale: must be finite"),
    ]
    for change, message in prepare_cases:
        with pytest.raises(ValueError, match=message):
            kernels.prepare(**{"image": image, "batch": batch, "slot": 0} | change)
    landmarks = faces(2)
    align_cases: list[tuple[dict[str, Any], str]] = [
        ({"landmarks": landmarks[:, :4]}, "landmarks: expected shape"),
        ({"landmarks": np.ones((1, 5, 2), np.float32)}, "landmarks.0.: the points coincide"),
        ({"landmarks": np.full((1, 5, 2), np.nan, np.float32)}, "landmarks.0.: the points coincide or are not finite"),
        ({"template": TEMPLATE[:3]}, "template: expected shape"),
        ({"batch": np.zeros((2, 3, 8, 9), np.uint8)}, "batch: expected shape"),
        ({"first": 1}, "batch: has 2 slots"),
    ]
    for change, message in align_cases:
        with pytest.raises(ValueError, match=message):
            kernels.align(**{"image": image, "landmarks": landmarks, "template": TEMPLATE, "batch": batch} | change)
