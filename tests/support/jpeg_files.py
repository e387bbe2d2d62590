"""JPEG files as no usual encoder writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# The standard's Huffman codes for the number of bits in which a block's mean differs from the one before.
_MEAN_CODES = (
    "00", "010", "011", "100", "101", "110", "1110", "11110", "111110", "1111110", "11111110", "111111110",
)  # fmt: skip
_END_OF_BLOCK = "1010"
_BLOCK_PX = 8


def mosaic(grey: NDArray[np.uint8], factors: Sequence[tuple[int, int]]) -> bytes:
    """A grey JPEG in colour of one flat 8 × 8 block per value of `grey`, with any (horizontal, vertical) `factors`.

    The factors are those of brightness and both chroma components; the picture has whole units only.
    """
    (across, down), *chroma = factors
    rows, columns = grey.shape
    assert rows % down == columns % across == 0, "the picture has whole units"
    bits: list[str] = []
    before = 128
    for top in range(0, rows, down):
        for left in range(0, columns, across):
            for value in grey[top : top + down, left : left + across].ravel():
                bits.append(_block(_BLOCK_PX * (int(value) - before)))
                before = int(value)
            bits += [_block(0)] * sum(horizontal * vertical for horizontal, vertical in chroma)
    ones = "1" * (-sum(map(len, bits)) % 8)
    text = "".join(bits) + ones
    data = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)).replace(b"\xff", b"\xff\0")
    largest = [max(factor[axis] for factor in factors) for axis in (0, 1)]
    width, height = columns * _BLOCK_PX * largest[0] // across, rows * _BLOCK_PX * largest[1] // down
    frame = bytes([8]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03"
    frame += b"".join(bytes([n, h << 4 | v, 0]) for n, (h, v) in enumerate(factors, 1))
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xDB, b"\0" + b"\x01" * 64),
            _segment(0xC0, frame),
            _segment(0xC4, b"\x00" + bytes([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]) + bytes(range(12))),
            # Only the end of a block: the code 1010, after two of two bits and one of three that are not used.
            _segment(0xC4, b"\x10" + bytes([0, 2, 1, 1, *[0] * 12]) + bytes([1, 2, 3, 0])),
            _segment(0xDA, b"\x03\x01\0\x02\0\x03\0\0\x3f\0"),
            data,
            b"\xff\xd9",
        ]
    )


def _block(difference: int) -> str:
    size = abs(difference).bit_length()
    value = difference if difference >= 0 else difference + (1 << size) - 1
    return _MEAN_CODES[size] + (format(value, f"0{size}b") if size else "") + _END_OF_BLOCK


def _segment(code: int, data: bytes) -> bytes:
    return bytes([0xFF, code]) + (len(data) + 2).to_bytes(2, "big") + data
