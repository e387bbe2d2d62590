"""The watermark: readable on light and on dark, everywhere, and of any text and size."""

from __future__ import annotations

import numpy as np
import pytest

from photofinish.analysis.imaging.watermark import draw_watermark


@pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
def test_letters_are_seen_on_every_brightness(level: int) -> None:
    picture = np.full((400, 600, 3), level, np.uint8)
    draw_watermark(picture, "© Müller Fotos")
    contrast = np.abs(picture.astype(int) - level).max(axis=2)
    assert contrast.max() > 30, "either the letters or their outline"
    assert (contrast == 0).mean() > 0.6, "the photo between them stays as it is"


def test_no_quarter_of_a_picture_is_without_it() -> None:
    picture = np.zeros((400, 600, 3), np.uint8)
    draw_watermark(picture, "© Müller Fotos")
    assert all(picture[top : top + 200, left : left + 300].any() for top in (0, 200) for left in (0, 300))


@pytest.mark.parametrize("text", ["x", "© Müller", "Съёмка", "写真", "🏃", "w" * 60, " . "])
@pytest.mark.parametrize("size", [(1, 1), (4, 900), (900, 4), (320, 213)])
def test_any_text_on_any_size(text: str, size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    draw_watermark(picture, text)
    assert picture.shape == (size[1], size[0], 3)
    if min(size) > 100:
        assert (picture != 90).any()
