"""Small valid pictures of every format that is taken, from which bad ones are made."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable

import cv2
from PIL import Image

from support.pictures import encode, exif, noise, save
from support.raw_files import dng

SIZE = (96, 64)
SUFFIXES = {
    "JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "HEIF": ".heic", "AVIF": ".avif", "GIF": ".gif",
    "BMP": ".bmp", "DNG": ".dng",
}  # fmt: skip
_PREVIEW = (640, 480)


def _picture(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(cv2.cvtColor(noise(*SIZE), cv2.COLOR_BGR2RGB)).convert(mode)


def _saved(kind: str, mode: str = "RGB", **options: object) -> Callable[[], bytes]:
    def make() -> bytes:
        encode(noise(8, 8), "JPEG")  # which registers HEIF
        return save(_picture(mode), kind, **options)

    return make


def _raw() -> bytes:
    preview = save(_picture().resize(_PREVIEW), "JPEG", quality=60)
    return dng(preview, _PREVIEW)


def _frames(kind: str, number: int, **options: object) -> Callable[[], bytes]:
    def make() -> bytes:
        first, *others = [_picture("P" if kind == "GIF" else "RGB").rotate(number) for number in range(number)]
        return save(first, kind, save_all=True, append_images=others, **options)

    return make


_EXIF = exif(orientation=6, tags={271: "Canon", 272: "Canon R5"}, photo_tags={36867: "2026:05:01 09:30:15"})
_MAKERS: dict[str, Callable[[], bytes]] = {
    "JPEG": _saved("JPEG", exif=_EXIF),
    "JPEG progressive": _saved("JPEG", progressive=True),
    "JPEG grey": _saved("JPEG", "L"),
    "JPEG CMYK": _saved("JPEG", "CMYK"),
    "JPEG with restarts": _saved("JPEG", restart_marker_blocks=1),
    "JPEG of several pictures": _frames("MPO", 2),
    "PNG": _saved("PNG", exif=_EXIF),
    "PNG palette": _saved("PNG", "P"),
    "WEBP": _saved("WEBP", exif=_EXIF),
    "WEBP lossless": _saved("WEBP", lossless=True),
    "TIFF": _saved("TIFF"),
    "TIFF LZW": _saved("TIFF", compression="tiff_lzw"),
    "TIFF deflate": _saved("TIFF", compression="tiff_adobe_deflate"),
    "TIFF JPEG": _saved("TIFF", compression="jpeg"),
    "HEIF": _saved("HEIF", exif=_EXIF),
    "AVIF": _saved("AVIF", speed=10),
    "GIF": _saved("GIF", "P"),
    "GIF animated": _frames("GIF", 3),
    "BMP": _saved("BMP"),
    "DNG": _raw,
}
NAMES = tuple(_MAKERS)


@functools.cache
def valid(name: str) -> bytes:
    """One valid file, always the same."""
    return _MAKERS[name]()


def suffix(name: str) -> str:
    """The usual ending of such a file's name."""
    return SUFFIXES[name.split()[0]]


def animated(kind: str, number: int) -> bytes:
    """A file with many pictures."""
    return _frames(kind, number)()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))
