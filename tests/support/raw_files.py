"""TIFF files by hand, and a camera raw file as small as can be: a DNG with a preview."""

from __future__ import annotations

import struct

SHORT, LONG, ASCII, BYTE, UNDEFINED = 3, 4, 2, 1, 7
_SIZES = {SHORT: 2, LONG: 4, ASCII: 1, BYTE: 1, UNDEFINED: 1}
_Tag = tuple[int, int, bytes]
_RAW_SIDE = 64


def dng(preview_jpeg: bytes, size: tuple[int, int], *, orientation: int = 1, compression: int = 7) -> bytes:
    """A DNG whose first directory holds `preview_jpeg` of (width, height) `size`, and whose pixels are grey.

    `compression` is the TIFF number that the preview's directory claims: 7 is JPEG, 52546 JPEG XL.
    """
    preview_at = 8
    raw_at = preview_at + len(preview_jpeg) + len(preview_jpeg) % 2
    raw = struct.pack("<H", 1000) * _RAW_SIDE**2
    exif_at = raw_at + len(raw)
    exif = directory([(0x9003, ASCII, b"2024:05:01 09:30:15\0")], exif_at)
    sub_at = exif_at + len(exif)
    sub = directory(
        [
            long(254, 0), long(256, _RAW_SIDE), long(257, _RAW_SIDE), short(258, 16), short(259, 1),
            short(262, 32803), long(273, raw_at), short(277, 1), long(278, _RAW_SIDE), long(279, len(raw)),
            (33421, SHORT, struct.pack("<HH", 2, 2)), (33422, BYTE, bytes([0, 1, 1, 2])),
        ],
        sub_at,
    )  # fmt: skip
    main_at = sub_at + len(sub)
    width, height = size
    main = directory(
        [
            long(254, 1), long(256, width), long(257, height), (258, SHORT, struct.pack("<HHH", 8, 8, 8)),
            short(259, compression), short(262, 6), (271, ASCII, b"Leica\0"), (272, ASCII, b"Leica M11\0"),
            long(273, preview_at), short(274, orientation), short(277, 3), long(278, height),
            long(279, len(preview_jpeg)), long(330, sub_at), long(34665, exif_at),
            (50706, BYTE, bytes([1, 4, 0, 0])), (50708, ASCII, b"Leica M11\0"),
        ],
        main_at,
    )  # fmt: skip
    body = preview_jpeg + b"\0" * (len(preview_jpeg) % 2) + raw + exif + sub + main
    return b"II*\0" + struct.pack("<I", main_at) + body


def short(tag: int, value: int) -> _Tag:
    """A TIFF tag of 16 bits."""
    return tag, SHORT, struct.pack("<H", value)


def long(tag: int, value: int) -> _Tag:
    """A TIFF tag of 32 bits."""
    return tag, LONG, struct.pack("<I", value)


def directory(tags: list[_Tag], at: int) -> bytes:
    """A TIFF directory that lies at `at`, with the values that are too long for it behind it."""
    values_at = at + 2 + 12 * len(tags) + 4
    entries, values = [], b""
    for tag, kind, value in tags:
        entries.append(struct.pack("<HHI", tag, kind, len(value) // _SIZES[kind]))
        if len(value) <= 4:
            entries.append(value.ljust(4, b"\0"))
        else:
            entries.append(struct.pack("<I", values_at + len(values)))
            values += value + b"\0" * (len(value) % 2)
    return struct.pack("<H", len(tags)) + b"".join(entries) + b"\0\0\0\0" + values
