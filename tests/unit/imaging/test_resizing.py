"""Downscaled pixels are averages of the original ones."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish.analysis.imaging.resizing import fit_within, shrunk
from support.examples import examples
from support.pictures import noise

sides = st.integers(1, 200)


@settings(max_examples=examples(50))
@given(sides, sides, st.data())
def test_areas_are_averaged_as_by_opencv(width: int, height: int, data: st.DataObject) -> None:
    size = (data.draw(st.integers(1, width)), data.draw(st.integers(1, height)))
    image = noise(width, height)
    expected = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(shrunk(image, *size).astype(int) - expected).max() <= 1


def test_proportions_are_kept_and_nothing_is_enlarged() -> None:
    image = noise(300, 200)
    assert fit_within(image, 150).shape == (100, 150, 3)
    assert fit_within(image, 300) is image
    assert fit_within(noise(3000, 2), 100).shape == (1, 100, 3)
    assert fit_within(image[:, :151], 100).flags.c_contiguous, "though a part of a picture is not"
