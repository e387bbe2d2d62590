"""TIFF pictures have the right brightness, or are refused by the name of what they are."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from photofinish.analysis.imaging.decoding import decode
from photofinish.errors import RejectedInput
from support.pictures import save
from support.raw_files import directory, long, short

LEVELS = np.tile(np.linspace(0, 1, 64), (32, 1))


def grey_tiff(
    data: bytes, bits: int, *, white_is_zero: bool = False, sample_format: int = 1, samples: int = 1
) -> bytes:
    """An uncompressed TIFF of 64 × 32 pixels."""
    at = 8 + len(data)
    depth = (258, 3, struct.pack("<H", bits) * samples)
    colours = 2 if samples == 3 else 1 - white_is_zero
    tags = [
        long(256, 64), long(257, 32), depth, short(259, 1), short(262, colours), long(273, 8), short(277, samples),
        long(278, 32), long(279, len(data)), (339, 3, struct.pack("<H", sample_format) * samples),
    ]  # fmt: skip
    return b"II*\0" + struct.pack("<I", at) + data + directory(tags, at)


def packed12(values: NDArray[np.uint16]) -> bytes:
    """Two values of 12 bits in three bytes."""
    first, second = values.reshape(-1, 2).T.astype(np.uint32)
    return b"".join(int(a << 12 | b).to_bytes(3, "big") for a, b in zip(first, second, strict=True))


def refused(content: bytes) -> RejectedInput:
    with pytest.raises(RejectedInput) as rejection:
        decode(content)
    return rejection.value


def test_grey_of_twelve_bits_is_as_bright_as_it_should_be() -> None:
    content = grey_tiff(packed12((LEVELS * 4095).astype(np.uint16)), 12)
    assert np.abs(decode(content).image[:, :, 0] - LEVELS * 255).max() <= 1


def test_grey_of_sixteen_bits_in_both_directions() -> None:
    levels = (LEVELS * 65535).astype("<u2")
    assert np.abs(decode(grey_tiff(levels.tobytes(), 16)).image[:, :, 0] - LEVELS * 255).max() <= 1
    negative = grey_tiff((65535 - levels).tobytes(), 16, white_is_zero=True)
    assert np.abs(decode(negative).image[:, :, 0] - LEVELS * 255).max() <= 1


def test_grey_of_eight_bits_where_white_is_zero() -> None:
    levels = (LEVELS * 255).astype(np.uint8)
    content = grey_tiff((255 - levels).tobytes(), 8, white_is_zero=True)
    np.testing.assert_array_equal(decode(content).image[:, :, 0], levels)


@pytest.mark.parametrize(
    ("bits", "sample_format", "samples", "word"),
    [
        (32, 3, 1, "floating-point"),
        (32, 3, 3, "floating-point"),
        (32, 1, 1, "32 bits"),
        (32, 1, 3, "32 bits"),
        (64, 1, 3, "64 bits"),
        (16, 2, 1, "with a sign"),
        (14, 1, 3, "14 bits"),
    ],
)
def test_pixels_of_rare_kinds_are_unsupported_not_damaged(
    bits: int, sample_format: int, samples: int, word: str
) -> None:
    content = grey_tiff(bytes(64 * 32 * samples * bits // 8), bits, sample_format=sample_format, samples=samples)
    rejection = refused(content)
    assert rejection.code == "unsupported_format"
    assert word in rejection.message
    assert "Upload it again" not in rejection.message


def test_a_broken_directory_is_damage() -> None:
    content = bytearray(save(Image.new("RGB", (64, 64)), "TIFF"))
    start = int.from_bytes(content[4:8], "little")
    content[start + 2 :] = bytes(len(content) - start - 2)
    assert refused(bytes(content)).code == "damaged"


def test_big_tiff_is_refused_by_its_name() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "TIFF", big_tiff=True)
    rejection = refused(buffer.getvalue())
    assert rejection.code == "unsupported_format"
    assert "BigTIFF" in rejection.message
