"""The geometry of face alignment."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.models.face_alignment import CHIP_SIZE, TEMPLATE, align, similarity_transform
from support.pictures import astronaut

# The astronaut's landmarks, as found by YuNet.
LANDMARKS = np.array([[203.7, 106.1], [245.2, 104.2], [229.8, 128.6], [211.0, 147.9], [245.9, 146.2]], np.float32)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def test_known_values() -> None:
    """A quarter turn, twice as large, shifted: (x, y) → (−2y + 10, 2x + 20)."""
    source = np.array([[0, 0], [1, 0], [0, 1], [3, 2]], np.float32)
    target = np.array([[10, 20], [10, 22], [8, 20], [6, 26]], np.float32)
    np.testing.assert_allclose(similarity_transform(source, target), [[0, -2, 10], [2, 0, 20]], atol=1e-6)


@given(angle=st.floats(-np.pi, np.pi), scale=st.floats(0.05, 20), x=st.floats(-1000, 1000), y=st.floats(-1000, 1000))
def test_an_exact_similarity_is_recovered(angle: float, scale: float, x: float, y: float) -> None:
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    expected = np.array([[cosine, -sine, x], [sine, cosine, y]])
    moved = apply(expected, TEMPLATE).astype(np.float32)
    np.testing.assert_allclose(similarity_transform(TEMPLATE, moved), expected, atol=1e-2, rtol=1e-3)


@given(st.lists(st.floats(0, 500), min_size=10, max_size=10))
def test_no_similarity_nearby_fits_better(coordinates: list[float]) -> None:
    points = np.array(coordinates, np.float32).reshape(5, 2)
    matrix = similarity_transform(points, TEMPLATE)
    error = np.sum((apply(matrix, points) - TEMPLATE) ** 2)
    for turn, shift_x, shift_y in ((1e-3, 0, 0), (-1e-3, 0, 0), (0, 0.1, 0), (0, -0.1, 0), (0, 0, 0.1), (0, 0, -0.1)):
        other = matrix + np.array([[turn, 0, shift_x], [0, turn, shift_y]])
        assert error <= np.sum((apply(other, points) - TEMPLATE) ** 2) + 1e-6


def test_points_that_coincide_are_only_shifted() -> None:
    assert np.isfinite(similarity_transform(np.zeros((5, 2), np.float32), TEMPLATE)).all()


@pytest.mark.parametrize("scale", [0.5, 1, 3, 8])
def test_a_chip_does_not_depend_on_the_size_of_the_picture(scale: float) -> None:
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(astronaut(), None, fx=scale, fy=scale, interpolation=interpolation).astype(np.uint8)
    # Pixel centres move by half of a pixel's growth.
    chip = align(picture, (LANDMARKS + 0.5) * np.float32(scale) - np.float32(0.5))
    reference = align(astronaut(), LANDMARKS)
    assert chip.shape == (CHIP_SIZE, CHIP_SIZE, 3)
    assert np.abs(chip.astype(int) - reference).mean() < (12 if scale < 1 else 4)


def test_a_tilted_face_is_aligned_upright() -> None:
    height, width = astronaut().shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 35, 1.0)
    turned = cv2.warpAffine(astronaut(), turn, (width, height), flags=cv2.INTER_CUBIC).astype(np.uint8)
    chip = align(turned, apply(turn, LANDMARKS).astype(np.float32))
    assert np.abs(chip.astype(int) - align(astronaut(), LANDMARKS)).mean() < 6


def test_a_face_that_reaches_outside_the_picture() -> None:
    for shift in ((-5000, 0), (0, 5000), (-220, -120)):
        for scale in (1, 10):
            chip = align(astronaut(), (LANDMARKS * scale + np.array(shift)).astype(np.float32))
            assert chip.shape == (CHIP_SIZE, CHIP_SIZE, 3)
