"""Sharpness kernels against OpenCV, scikit-image and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage.measure import blur_effect

import photofinish_kernels as kernels
from support.kernels import LENGTHS, noise

Measure = Callable[[NDArray[Any]], float]
Batch = Callable[..., NDArray[np.float64]]

images = arrays(np.uint8, st.tuples(st.integers(4, 70), st.integers(4, 70)))
MEASURES = [kernels.laplacian_variance, kernels.tenengrad, kernels.reblur_sharpness, kernels.high_frequency_share]
BATCHES = [
    kernels.laplacian_variance_batch,
    kernels.tenengrad_batch,
    kernels.reblur_sharpness_batch,
    kernels.high_frequency_share_batch,
]


def opencv_laplacian_variance(gray: NDArray[np.uint8]) -> float:
    return float(cv2.Laplacian(gray, cv2.CV_64F, ksize=1).var())


@pytest.mark.parametrize("height", LENGTHS)
def test_laplacian_variance_equals_opencv(height: int) -> None:
    for width in LENGTHS:
        gray = noise(height, width)
        assert kernels.laplacian_variance(gray) == pytest.approx(opencv_laplacian_variance(gray), rel=1e-12)


@pytest.mark.parametrize("height", LENGTHS[2:])
def test_reblur_equals_scikit_image(height: int) -> None:
    for width in LENGTHS[2:]:
        gray = noise(height, width)
        assert kernels.reblur_sharpness(gray) == pytest.approx(1 - blur_effect(gray, h_size=11), rel=1e-9)


@pytest.mark.parametrize("height", LENGTHS)
def test_tenengrad_equals_opencv(height: int) -> None:
    for width in LENGTHS:
        gray = noise(height, width)
        gx, gy = cv2.Sobel(gray, cv2.CV_64F, 1, 0), cv2.Sobel(gray, cv2.CV_64F, 0, 1)
        assert kernels.tenengrad(gray) == pytest.approx(float((gx * gx + gy * gy).mean()), rel=1e-12)


def numpy_high_frequency_share(gray: NDArray[np.uint8], cutoff: float) -> float:
    height, width = gray.shape
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    mean = (gray * window).sum() / window.sum()
    energy = np.abs(np.fft.fft2((gray - mean) * window)) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij"))
    return float(energy[radius > cutoff].sum() / energy.sum())


@pytest.mark.parametrize("height", LENGTHS[1:])
def test_high_frequency_share_equals_numpy(height: int) -> None:
    for width in LENGTHS[1:]:
        gray = noise(height, width)
        for cutoff in (0.123, 0.25, 0.4):
            expected = numpy_high_frequency_share(gray, cutoff)
            assert kernels.high_frequency_share(gray, cutoff=cutoff) == pytest.approx(expected, abs=1e-5)


def test_an_image_of_the_size_of_a_photo() -> None:
    gray = cv2.GaussianBlur(noise(1503, 2001), (0, 0), 1.7)
    assert kernels.laplacian_variance(gray) == pytest.approx(opencv_laplacian_variance(gray), rel=1e-12)
    assert kernels.reblur_sharpness(gray) == pytest.approx(1 - blur_effect(gray, h_size=11), rel=1e-9)
    expected = numpy_high_frequency_share(gray, 0.25)
    assert kernels.high_frequency_share(gray) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("measure", MEASURES)
def test_blurring_lowers_sharpness(measure: Measure) -> None:
    gray = noise(200, 300)
    values = [measure(cv2.GaussianBlur(gray, (0, 0), sigma)) for sigma in (0.5, 0.8, 1.2, 1.6)]
    assert values == sorted(values, reverse=True)


@given(images)
def test_reblur_is_between_0_and_1_and_equal_for_the_transposed_image(gray: NDArray[np.uint8]) -> None:
    sharpness = kernels.reblur_sharpness(gray)
    assert 0 <= sharpness <= 1
    assert kernels.reblur_sharpness(np.ascontiguousarray(gray.T)) == sharpness


@given(images)
def test_laplacian_variance_of_the_negative_is_equal(gray: NDArray[np.uint8]) -> None:
    assert kernels.laplacian_variance(255 - gray) == kernels.laplacian_variance(gray)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_crop_equals_its_copy(measure: Measure) -> None:
    crop = noise(90, 120)[7:71, 13:100]
    assert not crop.flags.c_contiguous
    assert measure(crop) == measure(crop.copy())


@pytest.mark.parametrize(("measure", "batch"), list(zip(MEASURES, BATCHES, strict=True)))
@pytest.mark.parametrize("threads", [1, 3])
def test_a_batch_equals_its_single_images(measure: Measure, batch: Batch, threads: int) -> None:
    mixed = [noise(20 + i, 30 + 2 * i, seed=i) for i in range(9)]
    stack = np.stack([noise(33, 47, seed=i) for i in range(5)])
    for grays in (mixed, stack, stack[::2, 1:, :-1], []):
        values = batch(grays, threads=threads)
        assert values.dtype == np.float64
        assert values.tolist() == [measure(gray) for gray in grays]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("threads", [1, 3])
def test_regions_and_tiles_equal_crops(measure: Measure, threads: int) -> None:
    gray = noise(100, 130)
    name: Any = measure.__name__
    boxes = np.array([[0, 0, 130, 100], [5, 6, 40, 90], [120, 90, 130, 100]])
    values = kernels.sharpness_regions(gray, boxes, measure=name, threads=threads)
    assert values.tolist() == [measure(gray[top:bottom, left:right]) for left, top, right, bottom in boxes]
    tiles = kernels.sharpness_tiles(gray, 33, measure=name, threads=threads)
    assert tiles.shape == (3, 4)
    assert tiles[1, 3] == measure(gray[33:66, 97:130])


def test_regions_outside_the_image_are_rejected_by_name() -> None:
    for box in ([0, 0, 41, 30], [-1, 0, 4, 4], [9, 9, 9, 12], [9, 9, 5, 12]):
        with pytest.raises(ValueError, match=r"boxes\[1\]: .* is empty or extends beyond the image of \(40, 30\)"):
            kernels.sharpness_regions(noise(30, 40), np.array([[0, 0, 9, 9], box]))
    with pytest.raises(ValueError, match="boxes: must have 4 columns"):
        kernels.sharpness_regions(noise(30, 40), np.zeros((2, 3), np.int64))
    with pytest.raises(ValueError, match='measure: unknown measure "beauty"'):
        kernels.sharpness_tiles(noise(30, 40), 10, measure="beauty")  # type: ignore[arg-type]
    for cutoff in (0.0, 0.5, float("nan")):
        with pytest.raises(ValueError, match="cutoff: must be between"):
            kernels.high_frequency_share(noise(30, 40), cutoff=cutoff)


REJECTED = [
    (np.zeros((8, 8)), "gray: expected uint8 of shape \\(H, W\\), got float64 of shape \\[8, 8\\]"),
    (np.zeros((8, 8, 3), np.uint8), "gray: expected uint8 of shape \\(H, W\\)"),
    (np.zeros((8, 16), np.uint8)[:, ::2], "gray: the pixels of a row must be contiguous"),
    (np.zeros((8, 8), np.uint8)[::-1], "gray: the pixels of a row must be contiguous"),
    (np.zeros((9, 8), np.uint8).T, "gray: the pixels of a row must be contiguous"),
    (np.zeros((0, 8), np.uint8), "gray: is empty"),
]


@pytest.mark.parametrize(("gray", "message"), REJECTED)
@pytest.mark.parametrize("measure", MEASURES)
def test_invalid_arguments_are_rejected_by_name(measure: Measure, gray: NDArray[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(gray)


def test_errors_in_a_batch_name_the_image() -> None:
    with pytest.raises(ValueError, match="grays\\[1\\]: must be at least 4×4 pixels, got \\(3, 9\\)"):
        kernels.reblur_sharpness_batch([noise(9, 9), noise(3, 9)])
    with pytest.raises(ValueError, match="threads: must be at least 1, got 0"):
        kernels.reblur_sharpness_batch([], threads=0)
    with pytest.raises(TypeError, match="gray: expected a NumPy array, got str"):
        kernels.laplacian_variance("photo.jpg")  # type: ignore[arg-type]
