"""What the frame header of a JPEG file says, for every kind of frame."""

from __future__ import annotations

import pytest

from photofinish.analysis.imaging.jpeg_structure import JpegHeader, read_header

_START, _END = b"\xff\xd8", b"\xff\xd9"
_NO_FRAMES = {0xC4, 0xC8, 0xCC}  # Huffman tables, a reserved extension, arithmetic conditioning
_DECODABLE = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}


def frame(code: int) -> bytes:
    data = bytes([12]) + (258).to_bytes(2, "big") + (772).to_bytes(2, "big") + bytes([3, 1, 0x22, 0])
    return bytes([0xFF, code]) + (len(data) + 2).to_bytes(2, "big") + data


@pytest.mark.parametrize("code", range(0xC0, 0xD0))
def test_every_kind_of_frame_has_a_header(code: int) -> None:
    header = JpegHeader(width=772, height=258, components=3, bits=12, is_decodable=code in _DECODABLE)
    assert read_header(_START + frame(code) + _END) == (None if code in _NO_FRAMES else header)


def test_a_frame_is_found_behind_other_segments_but_not_behind_a_scan() -> None:
    comment, scan = b"\xff\xfe\x00\x05abc", b"\xff\xda\x00\x04\x01\x00"
    assert read_header(_START + comment + frame(0xC0) + _END) is not None
    assert read_header(_START + scan + frame(0xC0) + _END) is None
