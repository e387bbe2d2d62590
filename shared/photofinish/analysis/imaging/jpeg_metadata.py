"""Write XMP and IPTC keywords into a copy of a JPEG file; not a byte of its picture changes.

Segments in front of the picture are replaced or added, by the rules of Adobe's XMP specification, part 3 (JPEG), and of
IPTC's IIM 4.2 in a Photoshop resource block. What cannot be read with certainty is left as it is.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from photofinish.domain.xmp import PhotoMetadata, merged, packet

_SOI = b"\xff\xd8"
_APP0, _APP1, _APP13, _START_OF_SCAN = 0xE0, 0xE1, 0xED, 0xDA
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF = b"Exif\0\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_MAX_SEGMENT = 0xFFFF - 2
_RESOURCE = b"8BIM"
_IPTC, _IPTC_DIGEST = 0x0404, 0x0425
_UTF8 = b"\x1b%G"
_CODED_CHARACTER_SET, _VERSION, _KEYWORDS = (1, 90), (2, 0), (2, 25)
_MAX_KEYWORD = 64
_HEADER_MARKERS = frozenset(range(0xC0, 0xFF)) - {0xD8, 0xD9, *range(0xD0, 0xD8)}


@dataclass(frozen=True, slots=True)
class _Segment:
    code: int
    data: bytes
    """Without marker and length."""

    @property
    def content(self) -> bytes:
        return struct.pack(">BBH", 0xFF, self.code, len(self.data) + 2) + self.data


def with_metadata(jpeg: bytes, metadata: PhotoMetadata) -> bytes | None:
    """Return the file with the metadata in it; None if it is no JPEG file that can be added to."""
    header = _header(jpeg)
    if header is None:
        return None
    segments, picture_at = header
    xmp = _new_xmp(segments, metadata)
    if xmp is None:
        return None
    photoshop = _new_photoshop(segments, metadata.keywords)
    kept = [one for one in segments if not _is(one, _APP1, _XMP)]
    if photoshop is not None:
        kept = [one for one in kept if not _is(one, _APP13, _PHOTOSHOP)]
    # Behind JFIF and EXIF, which readers expect first.
    at = next((n for n, one in enumerate(kept) if one.code != _APP0 and not _is(one, _APP1, _EXIF)), len(kept))
    added = [_Segment(_APP1, xmp), *([_Segment(_APP13, photoshop)] if photoshop is not None else [])]
    parts = [one.content for one in [*kept[:at], *added, *kept[at:]]]
    return b"".join([_SOI, *parts, jpeg[picture_at:]])


def read_metadata(jpeg: bytes) -> tuple[str | None, list[str]]:
    """The XMP packet and the IPTC keywords of a JPEG file."""
    segments, _ = _header(jpeg) or ([], 0)
    xmp = next((one.data[len(_XMP) :].decode() for one in segments if _is(one, _APP1, _XMP)), None)
    keywords = []
    for one in segments:
        if _is(one, _APP13, _PHOTOSHOP):
            for number, _, data in _resources(one.data[len(_PHOTOSHOP) :]) or ():
                if number == _IPTC:
                    keywords += [value.decode() for tag, value in _datasets(data) or () if tag == _KEYWORDS]
    return xmp, keywords


def _header(jpeg: bytes) -> tuple[list[_Segment], int] | None:
    """The segments up to the first scan, and where that begins; None if they are not what a JPEG file has."""
    if not jpeg.startswith(_SOI):
        return None
    segments: list[_Segment] = []
    at = 2
    while at + 4 <= len(jpeg):
        marker, code = jpeg[at], jpeg[at + 1]
        if marker != 0xFF:
            return None
        if code == 0xFF:  # a fill byte
            at += 1
            continue
        if code == _START_OF_SCAN:
            return segments, at
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if code not in _HEADER_MARKERS or length < 2 or at + 2 + length > len(jpeg):
            return None
        segments.append(_Segment(code, jpeg[at + 4 : at + 2 + length]))
        at += 2 + length
    return None


def _is(segment: _Segment, code: int, start: bytes) -> bool:
    return segment.code == code and segment.data.startswith(start)


def _new_xmp(segments: Sequence[_Segment], metadata: PhotoMetadata) -> bytes | None:
    existing = [one.data[len(_XMP) :] for one in segments if _is(one, _APP1, _XMP)]
    if len(existing) > 1:
        return None
    try:
        text = merged(existing[0].decode(), metadata) if existing else packet(metadata)
    except UnicodeDecodeError:
        return None
    data = None if text is None else _XMP + text.encode()
    return data if data is not None and len(data) <= _MAX_SEGMENT else None


def _new_photoshop(segments: Sequence[_Segment], keywords: Sequence[str]) -> bytes | None:
    """The resource block with the keywords added; None where it has to stay as it is."""
    existing = [one.data[len(_PHOTOSHOP) :] for one in segments if _is(one, _APP13, _PHOTOSHOP)]
    if len(existing) > 1:  # one block in several segments
        return None
    resources = _resources(existing[0]) if existing else []
    if resources is None:
        return None
    iptc = [data for number, _, data in resources if number == _IPTC]
    datasets = _datasets(iptc[0]) if iptc else []
    if datasets is None or len(iptc) > 1:
        return None
    is_utf8 = any(tag == _CODED_CHARACTER_SET and value == _UTF8 for tag, value in datasets)
    if not is_utf8 and not all(value.isascii() for tag, value in datasets if tag[0] == 2):
        return None  # in an encoding that is not written down
    known = {value for tag, value in datasets if tag == _KEYWORDS}
    words = [_shortened(word) for word in keywords]
    others = [one for one in datasets if one[0] != _CODED_CHARACTER_SET]
    if not any(tag == _VERSION for tag, _ in others):
        others.insert(0, (_VERSION, b"\0\4"))
    added = [(_KEYWORDS, word) for word in dict.fromkeys(words) if word not in known]
    written = b"".join(
        struct.pack(">BBBH", 0x1C, *tag, len(value)) + value
        for tag, value in sorted([(_CODED_CHARACTER_SET, _UTF8), *others, *added], key=lambda one: one[0][0])
    )
    kept = [one for one in resources if one[0] not in {_IPTC, _IPTC_DIGEST}]
    # Readers take IPTC for older than XMP where this is not its MD5.
    digest = hashlib.md5(written, usedforsecurity=False).digest()
    blocks = [*kept, (_IPTC, b"\0\0", written), (_IPTC_DIGEST, b"\0\0", digest)]
    data = _PHOTOSHOP + b"".join(
        _RESOURCE + struct.pack(">H", number) + name + struct.pack(">I", len(content)) + _even(content)
        for number, name, content in blocks
    )
    return data if len(data) <= _MAX_SEGMENT else None


def _resources(block: bytes) -> list[tuple[int, bytes, bytes]] | None:
    """Number, name (as it is written) and content of each resource; None if the block is not made of them."""
    found, at = [], 0
    while at < len(block):
        if block[at : at + 4] != _RESOURCE or at + 7 > len(block):
            return None
        number = int.from_bytes(block[at + 4 : at + 6], "big")
        name_bytes = (block[at + 6] + 2) // 2 * 2
        size_at = at + 6 + name_bytes
        size = int.from_bytes(block[size_at : size_at + 4], "big")
        content = block[size_at + 4 : size_at + 4 + size]
        if len(content) < size:
            return None
        found.append((number, block[at + 6 : size_at], content))
        at = size_at + 4 + size + size % 2
    return found


def _datasets(iptc: bytes) -> list[tuple[tuple[int, int], bytes]] | None:
    """Record, number and value of each dataset; None if there is anything else."""
    try:
        return list(_each_dataset(iptc))
    except ValueError:
        return None


def _each_dataset(iptc: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    at = 0
    while at + 5 <= len(iptc) and iptc[at] == 0x1C:
        size = int.from_bytes(iptc[at + 3 : at + 5], "big")
        if size & 0x8000 or at + 5 + size > len(iptc):
            raise ValueError("an extended or incomplete dataset")
        yield (iptc[at + 1], iptc[at + 2]), iptc[at + 5 : at + 5 + size]
        at += 5 + size
    if iptc[at:].strip(b"\0"):
        raise ValueError("no dataset")


def _shortened(word: str) -> bytes:
    """At most the 64 bytes that a keyword of IIM has, without half a character at the end."""
    return word.encode()[:_MAX_KEYWORD].decode(errors="ignore").encode()


def _even(content: bytes) -> bytes:
    return content + bytes(len(content) % 2)
