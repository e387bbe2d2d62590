"""The segments of a JPEG file: what its header says, and the file without anything but the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A marker that a length follows, or the start or end. Stuffed zeros, fill bytes and restart markers do not match, nor
# do markers below C0: decoders skip them or fail, and bytes that would be taken for their length could hide scans.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
_START_OF_SCAN, _END = 0xDA, 0xD9
_START, _END_MARKER = b"\xff\xd8", b"\xff\xd9"
_HUFFMAN_TABLES, _EXTENSION, _ARITHMETIC_TABLES = 0xC4, 0xC8, 0xCC
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_HUFFMAN_TABLES, _EXTENSION, _ARITHMETIC_TABLES}
# Baseline, extended and progressive frames, with Huffman (C0 to C2) or arithmetic coding (C9, CA).
_DECODABLE_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_PROGRESSIVE_FRAMES = frozenset({0xC2, 0xCA})
# Quantisation tables, number of lines, restart interval.
_OTHER_TABLES = frozenset({0xDB, 0xDC, 0xDD})
_FILLING_ZEROS = 16
# Encoders write about ten.
_MAX_SCANS = 64
_JFIF, _EXIF, _ADOBE = 0xE0, 0xE1, 0xEE
# EXIF fits into one segment of 64 KiB; some programs continue it in others.
_MAX_EXIF_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegHeader:
    """The frame header of a JPEG file."""

    width: int
    height: int
    components: int
    bits: int
    """Of each channel."""
    is_decodable: bool
    """False for lossless and hierarchical JPEG, which share only the name."""


@dataclass(frozen=True, slots=True)
class _Segment:
    code: int
    start: int
    """Where its marker begins."""
    end: int
    """After its data; of a scan only after the scan's header."""


def read_header(content: bytes) -> JpegHeader | None:
    """Read the frame header; None if there is none."""
    for segment in _segments(content):
        if segment.code in _FRAMES and segment.end - segment.start >= 10:
            frame = content[segment.start + 4 : segment.end]
            return JpegHeader(
                width=int.from_bytes(frame[3:5], "big"),
                height=int.from_bytes(frame[1:3], "big"),
                components=frame[5],
                bits=frame[0],
                is_decodable=segment.code in _DECODABLE_FRAMES,
            )
        if segment.code == _START_OF_SCAN:
            break
    return None


def has_end(content: bytes) -> bool:
    """Whether the picture's end marker is there; those of thumbnails inside segments do not count."""
    return any(segment.code == _END for segment in _segments(content))


def has_too_many_scans(content: bytes, *, pixels: int, max_scanned_pixels: int) -> bool:
    """Whether a JPEG of so many pixels would keep its decoder busy: each scan, however short, is a pass over them.

    That holds for progressive files, and for others that repeat a scan.
    """
    scans = sum(segment.code == _START_OF_SCAN for segment in _segments(content))
    return scans > _MAX_SCANS or (scans > 1 and scans * pixels > max_scanned_pixels)


def is_streamed(content: bytes) -> bool:
    """Whether a decoder needs only a few rows in memory: one scan holds all components, and is not progressive."""
    components = 0
    for segment in _segments(content):
        if segment.code in _FRAMES:
            if segment.code in _PROGRESSIVE_FRAMES or segment.end - segment.start < 10:
                return False
            components = content[segment.start + 9]
        if segment.code == _START_OF_SCAN:
            return content[segment.start + 4 : segment.start + 5] == bytes([components])
    return False


def only_the_picture(content: bytes) -> bytes:
    """Return the file without metadata and without bytes between its segments, and with an end marker.

    Kept is what changes pixels: tables, frame, scans, Adobe's marker (the colour model). A JFIF marker is replaced by
    a plain one, because its presence determines the colour model, too. EXIF stays for its orientation.
    """
    parts = [_START]
    for segment in _segments(content):
        if segment.code == _END:
            break
        if segment.code == _START_OF_SCAN:
            # Further tables and scans follow the scan's data; nothing after the first scan is metadata.
            parts.append(content[segment.start : _end_of_picture(content, segment.end)])
            break
        data = content[segment.start : segment.end]
        if segment.code == _JFIF and data[4:9] == b"JFIF\0":
            parts.append(b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
        elif (
            segment.code in _FRAMES | _OTHER_TABLES | {_HUFFMAN_TABLES, _ARITHMETIC_TABLES}
            or (segment.code == _ADOBE and data[4:9] == b"Adobe")
            or (segment.code == _EXIF and data[4:8] == b"Exif")
        ):
            parts.append(data)
    return b"".join([*parts, _END_MARKER])


def with_little_exif(content: bytes) -> bytes:
    """Return the file with no more than a megabyte of EXIF, its first.

    Pillow appends each segment to all before it, so 45 MB in segments of 64 KiB take it a quarter of a minute.
    """
    parts, kept_until, exif_bytes = [], 0, 0
    for segment in _segments(content):
        if segment.code == _START_OF_SCAN:
            break
        if segment.code == _EXIF and content[segment.start + 4 : segment.start + 8] == b"Exif":
            exif_bytes += segment.end - segment.start
            if exif_bytes > _MAX_EXIF_BYTES:
                parts.append(content[kept_until : segment.start])
                kept_until = segment.end
    return b"".join([*parts, content[kept_until:]]) if parts else content


def lacks_detail(content: bytes) -> bool:
    """Whether a progressive JPEG ends before its brightness is known to the last bit but one; false for other JPEGs.

    A progressive file describes the whole picture several times, ever more finely. Its last scan counts as missing.
    """
    scans: list[bytes] = []
    for segment in _segments(content):
        if segment.code in _FRAMES and segment.code not in _PROGRESSIVE_FRAMES:
            return False
        if segment.code == _START_OF_SCAN:
            scans.append(content[segment.start + 4 : segment.end])
    unknown_bits = [13] * 64  # more than any coefficient has
    first_component = scans[0][1:2] if scans and len(scans[0]) > 1 else b""
    for scan in scans[:-1]:
        count = scan[0] if scan else 0
        if len(scan) < 4 + 2 * count or first_component not in {scan[1 + 2 * n : 2 + 2 * n] for n in range(count)}:
            continue
        first, last, precision = scan[1 + 2 * count], scan[2 + 2 * count], scan[3 + 2 * count]
        for coefficient in range(first, min(last, 63) + 1):
            unknown_bits[coefficient] = precision & 0x0F
    return max(unknown_bits) > 1


def _segments(content: bytes) -> Iterator[_Segment]:
    """Yield the segments up to the end marker; bytes between them are skipped, as decoders do."""
    position = len(_START)
    while (marker := _MARKER.search(content, position)) is not None:
        code = content[marker.start() + 1]
        length = content[marker.end() : marker.end() + 2]
        if code == _END or len(length) < 2:
            if code == _END:
                yield _Segment(code, marker.start(), marker.end())
            return
        position = marker.end() + max(2, int.from_bytes(length, "big"))
        yield _Segment(code, marker.start(), min(position, len(content)))


def _end_of_picture(content: bytes, scan_start: int) -> int:
    """Return where the data of the last scan ends, without what fills the rest of an interrupted copy."""
    position = scan_start
    end = len(content)
    while (marker := _MARKER.search(content, position)) is not None:
        if content[marker.start() + 1] == _END:
            end = marker.start()
            break
        length = content[marker.end() : marker.end() + 2]
        position = marker.end() + max(2, int.from_bytes(length, "big"))
    data = content[:end].rstrip(b"\xff")
    zeros = len(data) - len(data.rstrip(b"\0"))
    # A few zeros may be data, and the zero after a byte of ones is.
    return len(data) - (zeros - 1 if zeros >= _FILLING_ZEROS else 0)
