"""Placeholders: ThumbHashes that every decoder reads, and that show no face."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish.analysis.imaging.placeholder import placeholder
from photofinish.analysis.imaging.redaction import MARGIN_ABOVE, MARGIN_LEFT_AND_RIGHT, with_margin
from photofinish.analysis.imaging.thumbhash import thumbhash
from photofinish.domain.geometry import Box
from support.pictures import noise

MAX_BYTES = 24


def pattern(width: int, height: int) -> NDArray[np.uint8]:
    """A picture that a few lines make in any language, for comparisons with other encoders."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([255 - ((x + 3 * y) % 256), (x * y) % 256 >> 1, (2 * x + y) % 256], axis=-1).astype(np.uint8)


# By the format's own encoder, thumbhash 0.1.1 for JavaScript.
@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (100, 67, "WYcGTZKAdnebhnhZeGd5aGFQBViI"),
        (67, 100, "WmYGTQxyd5SH93dXhpeXZnRlACiI"),
        (75, 100, "mnYGTQ5xdpOI93hXhaeYZnRlADiI"),
        (32, 32, "mPMFPwJAZXZqiImEiWeIZ3mHNwd38bkP"),
        (100, 1, "GcMyObGHh4eIiAh4dodPiAg="),
        (3, 100, "0jQGUQZ0lvh3goyVhoDxJ4Q="),
        (1, 1, "FQAq/wEI9wiIh4hwj3CI+AiIcH/4AAAA"),
    ],
)
def test_equals_the_format_s_own_encoder(width: int, height: int, expected: str) -> None:
    """A value of nothing lies exactly between the steps 7 and 8, and the last bit of a sum decides: both are right."""
    ours, theirs = (_steps(encoded) for encoded in (thumbhash(pattern(width, height)), base64.b64decode(expected)))
    assert len(ours) == len(theirs)
    different = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    assert all(set(pair) == {7, 8} for pair in different), different
    assert len(different) <= 2


def _steps(encoded: bytes) -> list[int]:
    return [step for byte in encoded for step in (byte & 15, byte >> 4)]


@pytest.mark.parametrize("size", [(1, 1), (1, 320), (320, 2), (320, 213), (213, 320), (320, 320)])
def test_any_size_and_a_single_colour_can_be_encoded(size: tuple[int, int]) -> None:
    for picture in (noise(*size), np.full((size[1], size[0], 3), 77, np.uint8)):
        assert len(placeholder(picture, [Box(0.2, 0.2, 0.1, 0.1)])) <= MAX_BYTES


@settings(max_examples=25, deadline=None)
@given(
    x=st.floats(0, 0.9),
    y=st.floats(0, 0.9),
    side=st.floats(0.03, 0.7),
    seed=st.integers(0, 2**32 - 1),
)
def test_nothing_of_a_face_but_its_mean_colour_is_left(x: float, y: float, side: float, seed: int) -> None:
    """Two photos that differ only inside the area of a face, with the same mean there, have the same placeholder."""
    face = Box(x + side * MARGIN_LEFT_AND_RIGHT, y + side * MARGIN_ABOVE, side, side)
    photo, other = noise(48, 40), noise(48, 40)  # of the size that is encoded, so that pixels stay what they are
    left, top, w, h = with_margin(face).to_pixels(48, 40)
    patch = other[max(0, int(top)) : max(0, int(top + h)), max(0, int(left)) : max(0, int(left + w))]
    assert patch.size > 0, "with its margin it is in the picture"
    random = np.random.default_rng(seed)
    patch[:] = random.permutation(patch.reshape(-1, 3)).reshape(patch.shape)
    assert placeholder(photo, [face]) == placeholder(other, [face])


def test_a_face_that_is_not_covered_would_change_it() -> None:
    photo = np.full((48, 48, 3), 200, np.uint8)
    photo[12:24, 12:24] = 0
    face = Box(0.25, 0.25, 0.25, 0.25)
    striped = photo.copy()
    striped[12:24:2, 12:24] = 120
    assert placeholder(photo, []) != placeholder(striped, [])
    assert len(placeholder(photo, [face])) <= MAX_BYTES
