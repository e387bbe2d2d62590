"""Many pictures on one sheet, with captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_PAPER, _INK = (20, 22, 27), (226, 229, 234)


def contact_sheet(
    tiles: Sequence[tuple[NDArray[np.uint8], str]], *, columns: int = 4, tile_width: int = 480
) -> NDArray[np.uint8]:
    """A grid of pictures, each with its caption below, row by row.

    Pictures are (H, W, 3) BGR of any size and are fitted into tiles of 4:3; the result is (H, W, 3) BGR.

    Raises:
        ValueError: there are no tiles.
    """
    if not tiles:
        raise ValueError("a contact sheet needs at least one picture")
    columns = min(columns, len(tiles))
    tile_height, gap = tile_width * 3 // 4, max(4, tile_width // 40)
    font = ImageFont.load_default(tile_width / 22)
    caption_height = round(tile_width / 11)
    rows = -(-len(tiles) // columns)
    sheet = Image.new(
        "RGB",
        (columns * (tile_width + gap) + gap, rows * (tile_height + caption_height + gap) + gap),
        _PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    for position, (pixels, caption) in enumerate(tiles):
        row, column = divmod(position, columns)
        left = gap + column * (tile_width + gap)
        top = gap + row * (tile_height + caption_height + gap)
        picture = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
        picture.thumbnail((tile_width, tile_height), Image.Resampling.LANCZOS)
        sheet.paste(picture, (left + (tile_width - picture.width) // 2, top + (tile_height - picture.height) // 2))
        middle = (left + tile_width / 2, top + tile_height + caption_height / 2)
        draw.text(middle, _fitted(draw, caption, font, tile_width), font=font, fill=_INK, anchor="mm")
    return np.ascontiguousarray(np.asarray(sheet, np.uint8)[..., ::-1])


def _fitted(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float
) -> str:
    """`text`, its end replaced by … where it is too wide."""
    if draw.textlength(text, font=font) <= width:
        return text
    while text and draw.textlength(text + "…", font=font) > width:
        text = text[:-1]
    return text + "…"
