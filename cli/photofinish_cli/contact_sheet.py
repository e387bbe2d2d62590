"""Many pictures on one sheet, with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_PAPER, _INK, _NOTE_INK, _EMPTY = (20, 22, 27), (226, 229, 234), (139, 146, 158), (34, 37, 44)
_NOTE_SIZE = 0.7  # of the caption's
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture of a contact sheet and what is written below it."""

    picture: NDArray[np.uint8] | None
    """(H, W, 3) BGR of any size; None leaves its place empty."""
    caption: str
    note: str = ""
    """A second line, smaller."""


def contact_sheet(
    tiles: Sequence[Tile], *, columns: int = 4, tile_width: int = 480, aspect: float = 4 / 3, text_px: int = 22
) -> NDArray[np.uint8]:
    """A grid of pictures, each with its caption below, row by row.

    Pictures are fitted into tiles of `aspect` (width / height), small ones enlarged; the result is (H, W, 3) BGR.

    Raises:
        ValueError: there are no tiles.
    """
    if not tiles:
        raise ValueError("a contact sheet needs at least one picture")
    columns = min(columns, len(tiles))
    tile_height, gap = round(tile_width / aspect), max(4, tile_width // 40)
    font, note_font = ImageFont.load_default(text_px), ImageFont.load_default(text_px * _NOTE_SIZE)
    line_height = 2 * text_px
    caption_height = line_height + (round(1.1 * text_px) if any(tile.note for tile in tiles) else 0)
    rows = -(-len(tiles) // columns)
    size = (columns * (tile_width + gap) + gap, rows * (tile_height + caption_height + gap) + gap)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for position, tile in enumerate(tiles):
        row, column = divmod(position, columns)
        left = gap + column * (tile_width + gap)
        top = gap + row * (tile_height + caption_height + gap)
        if tile.picture is None:
            draw.rectangle((left, top, left + tile_width - 1, top + tile_height - 1), fill=_EMPTY)
        else:
            picture = _fitted_picture(tile.picture, tile_width, tile_height)
            sheet.paste(picture, (left + (tile_width - picture.width) // 2, top + (tile_height - picture.height) // 2))
        middle = left + tile_width / 2
        caption_at = top + tile_height + line_height / 2
        caption = _fitted(draw, tile.caption, font, tile_width)
        draw.text((middle, caption_at), caption, font=font, fill=_INK, anchor="mm")
        if tile.note:
            note = _fitted(draw, tile.note, note_font, tile_width)
            draw.text((middle, caption_at + 1.3 * text_px), note, font=note_font, fill=_NOTE_INK, anchor="mm")
    return np.ascontiguousarray(np.asarray(sheet, np.uint8)[..., ::-1])


def _fitted_picture(pixels: NDArray[np.uint8], width: int, height: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    scale = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _fitted(draw: ImageDraw.ImageDraw, text: str, font: _Font, width: float) -> str:
    """`text`, its end replaced by … where it is too wide."""
    if draw.textlength(text, font=font) <= width:
        return text
    while text and draw.textlength(text + "…", font=font) > width:
        text = text[:-1]
    return text + "…"
