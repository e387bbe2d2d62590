"""The chunks of a PNG file: whether its pixels are whole, and the file without anything but the picture."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from photofinish.analysis.imaging.files import FileToDecode, end_missing
from photofinish.analysis.imaging.formats import Format
from photofinish.analysis.imaging.rejections import damaged

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB\x60\x82"
_PIXELS = b"IDAT"
# What determines pixels or how they are shown.
_OF_THE_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", _PIXELS})
_WANTED_METADATA = frozenset({b"eXIf"})
_MAX_PROFILE_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class _Chunk:
    name: bytes
    start: int
    """Of the whole chunk, its length field first."""
    end: int
    is_intact: bool
    """Whether its checksum is right."""


def examined(content: bytes) -> FileToDecode:
    """Examine the structure of a PNG.

    Raises:
        RejectedInput: `damaged`: a chunk of pixels has a wrong checksum; decoders would return garbage, and no error.
    """
    chunks = list(_chunks(content))
    if any(chunk.name == _PIXELS and not chunk.is_intact for chunk in chunks):
        raise damaged(Format.PNG, "wrong checksum of its pixels")
    if any(chunk.name == b"IEND" for chunk in chunks):
        return FileToDecode(content, only_the_picture=lambda: _only_the_picture(content, chunks))
    # The decoder decides whether pixels are missing.
    return FileToDecode(_only_the_picture(content, chunks), warnings=(end_missing(),), is_short=True)


def colour_profile(content: bytes) -> bytes | None:
    """Return the ICC profile, also one that is larger than Pillow allows; None without one, or for a broken one."""
    for chunk in _chunks(content):
        if chunk.name == b"iCCP" and chunk.is_intact:
            _, _, compressed = content[chunk.start + 8 : chunk.end - 4].partition(b"\0")
            inflate = zlib.decompressobj()
            try:
                profile = inflate.decompress(compressed[1:], _MAX_PROFILE_BYTES)
            except zlib.error:
                return None
            return profile if inflate.eof else None
    return None


def _only_the_picture(content: bytes, chunks: list[_Chunk]) -> bytes:
    kept = [
        content[chunk.start : chunk.end]
        for chunk in chunks
        if chunk.name in _OF_THE_PICTURE or (chunk.name in _WANTED_METADATA and chunk.is_intact)
    ]
    rest = content[chunks[-1].end :] if chunks else b""
    if rest[4:8] == _PIXELS:
        data = rest[4:]
        kept.append((len(data) - 4).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big"))
    return b"".join([_SIGNATURE, *kept, _END])


def _chunks(content: bytes) -> Iterator[_Chunk]:
    """Yield each complete chunk."""
    start = len(_SIGNATURE)
    while start + 12 <= len(content):
        length = int.from_bytes(content[start : start + 4], "big")
        name, end = content[start + 4 : start + 8], start + 12 + length
        if end > len(content) or not name.isalpha():
            return
        # Of the other chunks, only few are ever used, and the decoder checks them.
        checked = name == _PIXELS or name in _WANTED_METADATA or name == b"iCCP"
        checksum = int.from_bytes(content[end - 4 : end], "big")
        is_intact = not checked or zlib.crc32(memoryview(content)[start + 4 : end - 4]) == checksum
        yield _Chunk(name, start, end, is_intact)
        start = end
