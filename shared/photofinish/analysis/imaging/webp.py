"""The RIFF container of WebP files."""

from __future__ import annotations

from photofinish.analysis.imaging.files import FileToDecode, metadata_damaged

_HEADER_BYTES = 8
_CHUNK_AT, _DATA_AT = 12, 20
_LOSSY_START = b"\x9d\x01\x2a"
_LOSSLESS_START = 0x2F


def examined(content: bytes) -> FileToDecode:
    """Mend a length in the header that goes beyond the end of the file; the decoder notices missing pixels."""
    available = len(content) - _HEADER_BYTES
    if int.from_bytes(content[4:8], "little") <= available:
        return FileToDecode(content)
    # RIFF's lengths are even.
    mended = content[:4] + (available & ~1).to_bytes(4, "little") + content[_HEADER_BYTES:]
    return FileToDecode(mended, warnings=(metadata_damaged("length beyond the end of the file"),), is_short=True)


def claimed_size(content: bytes) -> tuple[int, int] | None:
    """Read width and height from the first chunk, since decoders take memory for all pixels when they open a file.

    None where there are none to be read; decoders refuse such files.
    """
    data = content[_DATA_AT : _DATA_AT + 10]
    if len(data) < 10:
        return None
    match content[_CHUNK_AT : _CHUNK_AT + 4]:
        case b"VP8X":
            return 1 + _number(data[4:7]), 1 + _number(data[7:10])
        case b"VP8 " if data[3:6] == _LOSSY_START:
            return _number(data[6:8]) & 0x3FFF, _number(data[8:10]) & 0x3FFF
        case b"VP8L" if data[0] == _LOSSLESS_START:
            bits = _number(data[1:5])
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
