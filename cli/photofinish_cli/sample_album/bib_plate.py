"""A bib: the paper number that a runner wears."""

from __future__ import annotations

from typing import cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from photofinish_cli.sample_album.paint import Colour, Picture

WIDTH_PX, HEIGHT_PX = 420, 320
SPONSOR = "RIVERSIDE RUN"
_HEADER_PX = 64
_DIGITS_PX = (195, 195, 195, 195, 158)
_PAPER = (247, 247, 244)
_INK = (22, 22, 26)


def bib_plate(number: str, header: Colour) -> tuple[Picture, tuple[float, float, float, float]]:
    """The paper, (HEIGHT_PX, WIDTH_PX, 3) float32 RGB, and x, y, width, height of the number printed on it.

    `number` has up to four digits; the empty one gives a blank bib.
    """
    paper = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), _PAPER)
    draw = ImageDraw.Draw(paper)
    draw.rectangle((0, 0, WIDTH_PX, _HEADER_PX), fill=tuple(round(255 * channel) for channel in header))
    draw.text((WIDTH_PX / 2, _HEADER_PX / 2), SPONSOR, font=_font(38), fill="white", anchor="mm", stroke_width=1)
    font = _font(_DIGITS_PX[len(number)])
    middle = (WIDTH_PX / 2, _HEADER_PX + (HEIGHT_PX - _HEADER_PX) / 2)
    draw.text(middle, number, font=font, fill=_INK, anchor="mm", stroke_width=6, stroke_fill=_INK)
    left, top, right, bottom = draw.textbbox(middle, number, font=font, anchor="mm", stroke_width=6)
    for x in (18, WIDTH_PX - 18):
        for y in (18, HEIGHT_PX - 18):
            draw.ellipse((x - 7, y - 7, x + 7, y + 7), fill=(120, 124, 130), outline=(70, 72, 76), width=2)
    return _floats(paper), (left, top, right - left, bottom - top)


def _floats(image: Image.Image) -> Picture:
    return np.asarray(image, np.float32) / np.float32(255)


def _font(size: int) -> ImageFont.FreeTypeFont:
    """The font that ships inside Pillow."""
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))
