"""The first directory of a TIFF file: what its pixels are, and whether they are all there."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from photofinish.analysis.imaging.files import FileToDecode, metadata_damaged
from photofinish.analysis.imaging.formats import Format, unsupported
from photofinish.analysis.imaging.rejections import cut_off, damaged
from photofinish.errors import RejectedInput

# Numbers of tags.
_NEW_SUBFILE_TYPE, _WIDTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 258, 259, 262
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_MAKE = 271
_MAX_SAMPLE, _SAMPLE_FORMAT, _DNG_VERSION = 281, 339, 50706
_SHORT, _LONG = 3, 4
_KINDS_BY_MAKER = {"NIKON": "NEF", "SONY": "ARW", "PENTAX": "PEF", "RICOH": "PEF", "SAMSUNG": "SRW"}
_WHITE_IS_ZERO = 0
_SIGNED, _FLOAT = 2, 3
# Compressions of raw files by Sony, Nikon, Samsung, Kodak and Pentax, and of lossy DNG.
_RAW_COMPRESSIONS = frozenset({32767, 32769, 32770, 34713, 34892, 65000, 65535})
# None, LZW, Deflate (two numbers) and PackBits: their decoders notice missing data.
_NOTICING_COMPRESSIONS = frozenset({1, 5, 8, 32773, 32946})


def read_tags(content: bytes) -> dict[int, Any]:
    """Read the first directory; one with damage gives the tags that can be read.

    Raises:
        RejectedInput: `cut_off`.
    """
    offset = int.from_bytes(content[4:8], _byte_order(content))
    if len(content) < 8 or offset + 2 > len(content):
        raise cut_off(Format.TIFF)
    directory = ImageFileDirectory_v2(content[:8])
    stream = io.BytesIO(content)
    stream.seek(offset)
    directory.load(stream)
    tags = {}
    for tag in directory:
        try:
            tags[tag] = directory[tag]
        except (ValueError, TypeError, KeyError, IndexError, OverflowError):  # values of the wrong type or length
            continue
    return tags


def is_raw(tags: dict[int, Any]) -> bool:
    """Whether the file is a camera raw file: its first directory is a thumbnail, or its pixels are the sensor's."""
    subfile = tags.get(_NEW_SUBFILE_TYPE, 0)
    is_thumbnail = isinstance(subfile, int) and bool(subfile & 1)
    return _DNG_VERSION in tags or is_thumbnail or tags.get(_COMPRESSION) in _RAW_COMPRESSIONS


def raw_kind(tags: dict[int, Any]) -> str | None:
    """Name the kind of a raw file that is made of TIFF: by its tags, or by who made the camera."""
    if _DNG_VERSION in tags:
        return "DNG"
    make = str(tags.get(_MAKE, "")).upper()
    return next((kind for maker, kind in _KINDS_BY_MAKER.items() if make.startswith(maker)), None)


def examined(content: bytes, tags: dict[int, Any]) -> FileToDecode:
    """Mend lengths of strips and tiles that go beyond the end of the file.

    Raises:
        RejectedInput: `unsupported_format` for pixels that are not 1 to 16 bits without a sign.
    """
    bits, sample_formats = _numbers(tags.get(_BITS)), _numbers(tags.get(_SAMPLE_FORMAT))
    if _FLOAT in sample_formats:
        raise unsupported(f"a TIFF picture of floating-point numbers ({_words(bits)})")
    if _SIGNED in sample_formats:
        raise unsupported(f"a TIFF picture of numbers with a sign ({_words(bits)})")
    if any(16 < depth <= 64 for depth in bits):
        raise unsupported(f"a TIFF picture with {_words(bits)}")
    ends = [
        offset + count
        for offsets, counts in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES))
        for offset, count in zip(_numbers(tags.get(offsets)), _numbers(tags.get(counts)), strict=False)
    ]
    if max(ends, default=0) <= len(content):
        return FileToDecode(content)
    if tags.get(_COMPRESSION, 1) not in _NOTICING_COMPRESSIONS:
        raise cut_off(Format.TIFF)
    mended = _with_lengths_that_fit(content)
    return FileToDecode(mended, warnings=(metadata_damaged("lengths beyond the end of the file"),), is_short=True)


def unidentified(tags: dict[int, Any]) -> RejectedInput:
    """Make the rejection of a TIFF that Pillow does not know: damaged, unless its directory makes sense."""
    bits = _numbers(tags.get(_BITS))
    if tags.get(_WIDTH) and bits and all(0 < depth <= 64 for depth in bits):
        compression, photometric = tags.get(_COMPRESSION, 1), tags.get(_PHOTOMETRIC)
        return unsupported(
            f"a TIFF picture of a rare kind ({_words(bits)}, compression {compression}, colours {photometric})"
        )
    return damaged(Format.TIFF, "unreadable header")


def grey_levels(pixels: NDArray[np.uint16], tags: dict[int, Any]) -> NDArray[np.uint8]:
    """Scale (H, W) grey values of 9 to 16 bits to 8 bits, black as 0."""
    [bits, *_] = _numbers(tags.get(_BITS)) or [16]
    white = (1 << bits) - 1
    brightest = tags.get(_MAX_SAMPLE, white)
    if isinstance(brightest, int) and 255 <= brightest < white:
        white = brightest
    levels = (np.minimum(pixels, white) * (255.0 / white)).astype(np.uint8)
    return 255 - levels if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else levels


def _with_lengths_that_fit(content: bytes) -> bytes:
    """Shorten the lengths of strips and tiles so that they end with the file."""
    order = _byte_order(content)
    mended = bytearray(content)

    def values(tag: int) -> list[tuple[int, int, int]]:
        """(position, size, value) of each value of a tag."""
        directory = int.from_bytes(content[4:8], order)
        for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
            if number(entry, 2) == tag and (kind := number(entry + 2, 2)) in {_SHORT, _LONG}:
                size, count = (2 if kind == _SHORT else 4), min(number(entry + 4, 4), len(content))
                start = entry + 8 if size * count <= 4 else number(entry + 8, 4)
                return [(at, size, number(at, size)) for at in range(start, start + size * count, size)]
        return []

    def number(position: int, size: int) -> int:
        return int.from_bytes(content[position : position + size], order)

    for offsets, counts in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
        for (_, _, offset), (at, size, count) in zip(values(offsets), values(counts), strict=False):
            if offset + count > len(content) and at + size <= len(content):
                mended[at : at + size] = max(0, len(content) - offset).to_bytes(size, order)
    return bytes(mended)


def _byte_order(content: bytes) -> Any:
    return "little" if content.startswith(b"II") else "big"


def _numbers(value: object) -> tuple[int, ...]:
    values = value if isinstance(value, tuple) else (value,)
    return tuple(number for number in values if isinstance(number, int))


def _words(bits: tuple[int, ...]) -> str:
    return f"{max(bits, default=1)} bits per channel"
