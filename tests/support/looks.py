"""How pages look, compared with how they looked: small pictures, so that what one would not see does not count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_SCALE = 2
_COLOURS = 64
_TOLERATED = 40  # of 255, in any of the three colours: more than letters differ that are drawn by another browser
_BLUR_PX = 1.5


def keep(screenshot: Path, kept: Path) -> None:
    """Keep a screenshot as the look to compare with: half as wide, in few colours."""
    small = _small(screenshot).quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(kept, optimize=True)


def changed_share(screenshot: Path, kept: Path) -> float:
    """The share of the page that looks different, 0 to 1; 1 if it has another size."""
    seen, wanted = _blurred(_small(screenshot)), _blurred(Image.open(kept).convert("RGB"))
    if seen.shape != wanted.shape:
        return 1.0
    return float((np.abs(seen - wanted).max(axis=2) > _TOLERATED).mean())


def _small(screenshot: Path) -> Image.Image:
    return Image.open(screenshot).convert("RGB").reduce(_SCALE)


def _blurred(image: Image.Image) -> NDArray[np.int16]:
    return np.asarray(image.filter(ImageFilter.GaussianBlur(_BLUR_PX)), dtype=np.int16)
