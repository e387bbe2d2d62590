"""Pictures of odd sizes, shapes and colours, many of which are valid."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
from PIL import Image

from support.hostile_files.bombs import tiff
from support.hostile_files.kinds import HostileFile
from support.pictures import encode, noise, save

_SIZES = (
    (1, 1), (1, 16), (15, 15), (15, 16), (16, 16), (17, 31), (16, 300), (300, 16), (16, 5_000), (5_000, 16),
    (1, 16_000), (16_000, 1), (20, 16_000), (16_000, 20),
)  # fmt: skip
_LONG_SIZES = ((1, 65_000), (65_000, 1), (16, 65_000), (65_000, 16))
_LONGEST_SIZES = ((1, 100_000), (100_000, 1), (16, 100_000), (100_000, 16))
_LIMITS = {"WEBP": 16_383, "JPEG": 65_500, "GIF": 65_535, "AVIF": 16_000, "HEIF": 2_000}
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16B")
_KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")
_TIFF_COLOURS = (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 32803, 32845, 34892, 65535)


def files(_dice: random.Random) -> Iterator[HostileFile]:
    for kind in _KINDS:
        for size in (*_SIZES, *_LONG_SIZES, *_LONGEST_SIZES):
            if max(size) <= _LIMITS.get(kind, 100_000):
                is_heavy = kind == "AVIF" and max(size) > 5_000
                yield HostileFile("odd size", f"{kind} {size[0]} × {size[1]}", partial(_sized, kind, size), is_heavy)
    for kind, mode in sorted(_savable()):
        yield HostileFile("odd colours", f"{kind} {mode}", partial(_coloured, kind, mode))
    for kind in ("PNG", "TIFF"):
        for channels in (1, 3, 4):
            yield HostileFile("odd colours", f"{kind} of {channels} × 16 bits", partial(_deep, kind, channels))
    for bits in (1, 2, 4, 6, 8, 12, 14, 16, 24, 32, 64, 200):
        for photometric in _TIFF_COLOURS[:6]:
            make = partial(tiff, 64, 64, bits=bits, photometric=photometric, data=bytes(64 * 64 * 8))
            yield HostileFile("odd colours", f"TIFF of {bits} bits, colours {photometric}", make)
    for photometric in _TIFF_COLOURS[6:]:
        make = partial(tiff, 64, 64, photometric=photometric, data=bytes(64 * 64))
        yield HostileFile("odd colours", f"TIFF colours {photometric}", make)
    for compression in (0, 2, 3, 4, 5, 6, 7, 8, 9, 32773, 32946, 34661, 34712, 34925, 50000, 50001, 50002, 65535):
        make = partial(tiff, 64, 64, compression=compression, data=bytes(64 * 64))
        yield HostileFile("odd colours", f"TIFF compression {compression}", make)


def _sized(kind: str, size: tuple[int, int]) -> bytes:
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[::7] = 200
    options: dict[str, object] = {"speed": 10} if kind == "AVIF" else {}
    return encode(picture, kind, **options)


def _picture(mode: str) -> Image.Image:
    rgb = Image.fromarray(cv2.cvtColor(noise(64, 48), cv2.COLOR_BGR2RGB))
    if mode == "LAB":
        return Image.frombytes("LAB", rgb.size, rgb.tobytes())
    if mode == "PA":
        return rgb.convert("P").convert("PA")
    if mode.startswith("I;16"):
        return Image.frombytes(mode, rgb.size, (np.asarray(rgb.convert("L")).astype(np.uint16) * 257).tobytes())
    return rgb.convert(mode)


def _coloured(kind: str, mode: str) -> bytes:
    return save(_picture(mode), kind)


def _savable() -> Iterator[tuple[str, str]]:
    """The formats and colours that Pillow writes together."""
    encode(noise(8, 8), "JPEG")  # which registers HEIF
    for kind in _KINDS:
        for mode in _MODES:
            try:
                _coloured(kind, mode)
            except (OSError, ValueError, KeyError):
                continue
            yield kind, mode


def _deep(kind: str, channels: int) -> bytes:
    grey = noise(64, 48)[:, :, 0].astype(np.uint16) * 257
    picture = np.repeat(grey[:, :, None], channels, axis=2) if channels > 1 else grey
    done, content = cv2.imencode(".png" if kind == "PNG" else ".tiff", picture)
    assert done, f"OpenCV writes {kind} of {channels} × 16 bits"
    return content.tobytes()
