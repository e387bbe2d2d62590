"""Small files that cost a decoder much, made by code."""

from __future__ import annotations

import struct
import zlib

_HUFFMAN_FIRST_DC = bytes([0x00, 1, *[0] * 15, 0])  # code 0: a difference of 0 bits
# Of coefficients: code 0 ends the block, code 10 ends 16,384 blocks and as many more as 14 bits say.
_HUFFMAN_AC = bytes([0x10, 1, 1, *[0] * 14, 0x00, 0xE0])
_LONGEST_RUN = 2**15 - 1
_BLOCK_PX = 8


def jpeg_in_passes(width: int, height: int, scans: int, *, is_progressive: bool = True, hidden: bytes = b"") -> bytes:
    """A grey JPEG whose decoder goes over all pixels `scans` times. `hidden` is put before each scan."""
    blocks = -(-width // _BLOCK_PX) * -(-height // _BLOCK_PX)
    frame = struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0])
    head = [
        b"\xff\xd8",
        _segment(0xDB, b"\0" + b"\x01" * 64),
        _segment(0xC2 if is_progressive else 0xC1, frame),
        _segment(0xC4, _HUFFMAN_FIRST_DC),
        _segment(0xC4, _HUFFMAN_AC),
    ]
    if is_progressive:
        first = _scan(0, 0, 0) + _packed("0" * blocks)
        # A refinement looks at every coefficient of every block.
        passes = [_scan(1, 63, 0x01)] + [_scan(1, 63, 0x10)] * (scans - 2)
        data = _packed(_ends_of_blocks(blocks))
    else:
        first = b""
        passes = [_scan(0, 63, 0)] * scans
        data = _packed("00" * blocks)
    return b"".join([*head, first, *(hidden + one + data for one in passes), b"\xff\xd9"])


def png_of_one_colour(width: int, height: int, *, channels: int = 4) -> bytes:
    """A PNG of zeros: about a thousandth of what its pixels take."""
    kind = {1: 0, 3: 2, 4: 6}[channels]
    packer = zlib.compressobj(9)
    row = bytes(1 + width * channels)
    data = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _scan(first: int, last: int, precision: int) -> bytes:
    return _segment(0xDA, bytes([1, 1, 0, first, last, precision]))


def _ends_of_blocks(blocks: int) -> str:
    runs = ["10" + "1" * 14] * (blocks // _LONGEST_RUN)
    return "".join(runs) + "0" * min(blocks % _LONGEST_RUN, _LONGEST_RUN)


def _packed(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def _segment(code: int, data: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(data) + 2) + data


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
