"""What is left of a redacted face: the noisy mean colours of a few cells, or nothing."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish.analysis.imaging.redaction import CELLS_ACROSS, redact, redacted_jpeg, with_margin
from photofinish.domain.album_policy import RedactionStyle
from photofinish.domain.geometry import Box
from support.examples import examples

KEY = b"k" * 32
SIDE = 160
FACE = Box.from_pixels(50, 40, 50, 60, width=SIDE, height=SIDE)
CELLED = [RedactionStyle.BLUR, RedactionStyle.PIXELATE]


def noise(seed: int = 1, side: int = SIDE) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def redacted(image: NDArray[np.uint8], *boxes: Box, style: RedactionStyle, key: bytes = KEY) -> NDArray[np.uint8]:
    copy = image.copy()
    redact(copy, boxes, style, noise_key=key)
    return copy


def region(box: Box, side: int = SIDE) -> tuple[slice, slice]:
    """Rows and columns of the box with its margin."""
    x, y, w, h = with_margin(box).to_pixels(side, side)
    return slice(max(0, math.floor(y)), math.ceil(y + h)), slice(max(0, math.floor(x)), math.ceil(x + w))


@pytest.mark.parametrize("style", CELLED)
def test_only_the_mean_colours_of_a_few_cells_are_left(style: RedactionStyle) -> None:
    """Two pictures that differ in all but these means look the same."""
    image = noise()
    shuffled = image.copy()
    rows, columns = region(FACE)
    cell = -(-min(rows.stop - rows.start, columns.stop - columns.start) // CELLS_ACROSS)
    rng = np.random.default_rng(2)
    for top in range(rows.start, rows.stop, cell):
        for left in range(columns.start, columns.stop, cell):
            part = shuffled[top : min(top + cell, rows.stop), left : min(left + cell, columns.stop)]
            part[:] = rng.permutation(part.reshape(-1, 3)).reshape(part.shape)
    assert (image[rows, columns] != shuffled[rows, columns]).mean() > 0.9
    inside = redacted(image, FACE, style=style) != image
    one, other = redacted(image, FACE, style=style), redacted(shuffled, FACE, style=style)
    assert np.array_equal(one[inside.any(axis=2)], other[inside.any(axis=2)])


def test_where_the_cells_end_does_not_tell_the_shape_of_the_box() -> None:
    """Drawn from the corner of the patch on, edges would lie at the same places on all photos."""
    image = np.full((SIDE, SIDE, 3), 128, np.uint8)
    rows, columns = region(FACE)
    middle = (rows.start + rows.stop) // 2
    edges = set()
    for number in range(20):
        found = redacted(image, FACE, style=RedactionStyle.PIXELATE, key=bytes([number]) * 32)
        line = found[middle, columns].astype(int)
        steps = np.flatnonzero(np.abs(np.diff(line, axis=0)).max(axis=1)) + 1
        edges.add(steps[len(steps) // 2])
    assert len(edges) > 5


def test_nothing_is_left_under_a_solid_box() -> None:
    rows, columns = region(FACE)
    found = redacted(noise(), FACE, style=RedactionStyle.SOLID)[rows, columns]
    assert (found == found[0, 0]).all()


@pytest.mark.parametrize("style", RedactionStyle)
def test_the_whole_box_and_nothing_beyond_its_margin_changes(style: RedactionStyle) -> None:
    image = noise()
    changed = (redacted(image, FACE, style=style) != image).any(axis=2)
    x, y, w, h = (round(value) for value in FACE.to_pixels(SIDE, SIDE))
    assert changed[y : y + h, x : x + w].mean() > 0.97, "by chance a pixel may keep its colour"
    changed[region(FACE)] = False
    assert not changed.any()


@pytest.mark.parametrize("style", CELLED)
def test_noise_cannot_be_averaged_out_and_differs_between_photos(style: RedactionStyle) -> None:
    image = np.full((SIDE, SIDE, 3), 128, np.uint8)
    first = redacted(image, FACE, style=style)
    other_face = Box(0.8, 0.8, 0.1, 0.1)
    again = redacted(image, other_face, FACE, style=style)
    assert np.array_equal(first[region(FACE)], again[region(FACE)])
    other_photo = redacted(image, FACE, style=style, key=b"o" * 32)
    assert np.abs(first[region(FACE)].astype(int) - other_photo[region(FACE)]).mean() > 5


@settings(max_examples=examples(60))
@given(
    style=st.sampled_from(RedactionStyle),
    box=st.builds(Box, *[st.floats(-1, 2)] * 2, *[st.floats(0, 2)] * 2),
    side=st.sampled_from([1, 2, 7, 40]),
)
def test_any_box_in_any_picture(style: RedactionStyle, box: Box, side: int) -> None:
    image = noise(side=side)
    found = redacted(image, box, style=style)
    assert found.shape == image.shape


def test_a_jpeg_stays_one_of_the_same_size_without_metadata() -> None:
    jpeg = cv2.imencode(".jpg", noise())[1].tobytes()
    found = redacted_jpeg(jpeg, [FACE], RedactionStyle.BLUR, noise_key=KEY)
    decoded = cv2.imdecode(np.frombuffer(found, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (SIDE, SIDE, 3)
    assert b"Exif" not in found
