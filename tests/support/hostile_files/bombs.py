"""Small files that ask for much: pixels, passes over them, parts, or what a compressed part unfolds to."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial

from PIL import Image

from support.attacks import jpeg_in_passes, png_of_one_colour
from support.hostile_files.kinds import HostileFile
from support.hostile_files.valid import animated, valid
from support.pictures import save
from support.raw_files import LONG, directory, dng, long, short

_SIZES = (
    (65_535, 65_535), (65_535, 1), (1, 65_535), (65_500, 16), (30_000, 30_000), (16_383, 16_383), (12_000, 12_000),
    (7_900, 7_900), (0, 0), (0, 64), (96, 0), (97, 64), (96, 65),
)  # fmt: skip
_LARGER_SIZES = ((2**31 - 1, 2**31 - 1), (2**31, 2), (2**32 - 1, 2**32 - 1), (100_000, 100_000), (1, 100_000_000))
_UNFOLDED_BYTES = 300_000_000
_PNG = b"\x89PNG\r\n\x1a\n"


def files(_dice: random.Random) -> Iterator[HostileFile]:
    yield from _claimed_sizes()
    yield from _passes()
    yield from _unfolding()
    yield from _nested()


def _claimed_sizes() -> Iterator[HostileFile]:
    for name, claim in _CLAIMS.items():
        larger = () if name in _SIXTEEN_BITS else _LARGER_SIZES
        for width, height in (*_SIZES, *larger):
            yield HostileFile("huge size claimed", f"{name} {width} × {height}", partial(claim, width, height))


def _jpeg_claiming(name: str, width: int, height: int) -> bytes:
    content = bytearray(valid(name))
    frame = next(at for at in range(len(content)) if content[at : at + 2] in (b"\xff\xc0", b"\xff\xc2"))
    content[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def _png_claiming(name: str, width: int, height: int) -> bytes:
    content = valid(name)
    header = struct.pack(">II", width, height) + content[24:29]
    return _PNG + png_chunk(b"IHDR", header) + content[33:]


def _webp_claiming(width: int, height: int) -> bytes:
    content = bytearray(valid("WEBP lossless"))
    bits = int.from_bytes(content[21:25], "little") >> 28 << 28
    bits |= (width - 1 & 0x3FFF) | (height - 1 & 0x3FFF) << 14
    content[21:25] = bits.to_bytes(4, "little")
    return bytes(content)


def webp_header_claiming(width: int, height: int) -> bytes:
    """Only the header, of 34 bytes."""
    content = _webp_claiming(width, height)[:34]
    return content[:4] + (26).to_bytes(4, "little") + content[8:16] + (14).to_bytes(4, "little") + content[20:]


def _webp_canvas_claiming(width: int, height: int) -> bytes:
    content = bytearray(valid("WEBP"))
    content[24:30] = (width - 1 & 0xFFFFFF).to_bytes(3, "little") + (height - 1 & 0xFFFFFF).to_bytes(3, "little")
    return bytes(content)


def _gif_claiming(width: int, height: int) -> bytes:
    content = bytearray(valid("GIF"))
    content[6:10] = struct.pack("<HH", width, height)
    frame = content.rindex(b",\0\0\0\0")
    content[frame + 5 : frame + 9] = struct.pack("<HH", width, height)
    return bytes(content)


def _bmp_claiming(width: int, height: int) -> bytes:
    content = bytearray(valid("BMP"))
    content[18:26] = struct.pack("<II", width, height)
    return bytes(content)


def _iso_media_claiming(name: str, width: int, height: int) -> bytes:
    content = bytearray(valid(name))
    at = content.index(b"ispe") + 8
    content[at : at + 8] = struct.pack(">II", width, height)
    return bytes(content)


def tiff(
    width: int, height: int, *, bits: int = 8, photometric: int = 1, compression: int = 1, data: bytes = b""
) -> bytes:
    """A grey TIFF that claims anything."""
    tags = [
        long(256, width), long(257, height), short(258, bits), short(259, compression), short(262, photometric),
        long(273, 8), short(277, 1), long(278, height), long(279, len(data)),
    ]  # fmt: skip
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory(tags, 8 + len(data))


def _tiff_claiming(width: int, height: int) -> bytes:
    return tiff(width, height, data=bytes(1000))


def _tiff_unfolding(width: int, height: int) -> bytes:
    return tiff(width, height, compression=8, data=zlib.compress(bytes(1_000_000)))


def _raw_claiming(width: int, height: int) -> bytes:
    return dng(_jpeg_claiming("JPEG", width, height), (width, height))


_CLAIMS: dict[str, Callable[[int, int], bytes]] = {
    **{name: partial(_jpeg_claiming, name) for name in ("JPEG", "JPEG progressive", "JPEG grey", "JPEG CMYK")},
    **{name: partial(_png_claiming, name) for name in ("PNG", "PNG palette")},
    "WEBP lossless": _webp_claiming,
    "WEBP header alone": webp_header_claiming,
    "WEBP canvas": _webp_canvas_claiming,
    "GIF": _gif_claiming,
    "BMP": _bmp_claiming,
    **{name: partial(_iso_media_claiming, name) for name in ("HEIF", "AVIF")},
    "TIFF": _tiff_claiming,
    "TIFF deflate": _tiff_unfolding,
    "DNG": _raw_claiming,
}
_SIXTEEN_BITS = frozenset(
    {"JPEG", "JPEG progressive", "JPEG grey", "JPEG CMYK", "GIF", "WEBP lossless", "WEBP header alone", "WEBP canvas"}
    | {"DNG"}
)


def _passes() -> Iterator[HostileFile]:
    for side, scans in ((64, 5_000), (500, 2_000), (1_000, 1_000), (2_000, 300), (4_000, 60), (4_000, 93), (8_000, 20)):
        is_heavy = side * side * scans > 100_000_000
        for is_progressive in (True, False):
            kind = "progressive" if is_progressive else "sequential"
            make = partial(jpeg_in_passes, side, side, scans, is_progressive=is_progressive)
            yield HostileFile("very many scans", f"{kind} {side} px, {scans} scans", make, is_heavy)
    hidden = partial(jpeg_in_passes, 4_000, 4_000, 65, hidden=b"\xff\x01\xff\xff")
    yield HostileFile("very many scans", "hidden behind a marker without length", hidden, is_heavy=True)


def _unfolding() -> Iterator[HostileFile]:
    for side, channels in ((7_990, 4), (8_100, 3), (20_000, 1)):
        make = partial(png_of_one_colour, side, side, channels=channels)
        yield HostileFile("unfolds to much", f"PNG of one colour, {side} px, {channels} channels", make, is_heavy=True)
    for kind, mode, side, options in (
        ("GIF", "P", 7_900, {}), ("WEBP", "RGB", 7_900, {"lossless": True, "quality": 0, "method": 0}),
        ("TIFF", "RGBA", 9_000, {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "CMYK", 10_000, {"compression": "tiff_lzw"}),
        ("TIFF", "1", 10_900, {"compression": "group4"}), ("BMP", "1", 7_900, {}), ("JPEG", "L", 15_000, {}),
        ("JPEG", "CMYK", 10_900, {}), ("AVIF", "L", 4_000, {"speed": 10}), ("HEIF", "RGB", 4_000, {}),
    ):  # fmt: skip
        make = partial(_of_one_colour, kind, mode, side, options)
        yield HostileFile("unfolds to much", f"{kind} {mode} of one colour, {side} px", make, is_heavy=True)
    for chunk in (b"iCCP", b"zTXt", b"iTXt"):
        make = partial(_png_with_unfolding, chunk)
        yield HostileFile("unfolds to much", f"PNG with {chunk.decode()}", make, is_heavy=True)


def _of_one_colour(kind: str, mode: str, side: int, options: dict[str, object]) -> bytes:
    return save(Image.new(mode, (side, side)), kind, **options)


def _png_with_unfolding(chunk: bytes) -> bytes:
    packer = zlib.compressobj(9)
    block = bytes(1_000_000)
    packed = b"".join([*(packer.compress(block) for _ in range(_UNFOLDED_BYTES // len(block))), packer.flush()])
    data = {b"iCCP": b"p\0\0" + packed, b"zTXt": b"p\0\0" + packed, b"iTXt": b"p\0\1\0\0\0" + packed}[chunk]
    content = valid("PNG")
    return content[:33] + png_chunk(chunk, data) + content[33:]


def _nested() -> Iterator[HostileFile]:
    makers: dict[str, Callable[[], bytes]] = {
        "PNG of 100,000 chunks": _png_of_many_chunks,
        "JPEG of 50,000 comments": lambda: _jpeg_with(b"\xff\xfe\0\2" * 50_000),
        "JPEG of 300,000 fill bytes": lambda: _jpeg_with(b"\xff" * 300_000),
        "JPEG of many tables": lambda: _jpeg_with((b"\xff\xdb\0\x43\0" + b"\1" * 64) * 5_000),
        "HEIF of boxes in boxes": lambda: valid("HEIF")[:24] + _boxes_in_boxes(5_000),
        "HEIF of 100,000 boxes": lambda: valid("HEIF") + b"\0\0\0\x08free" * 100_000,
        "AVIF of boxes in boxes": lambda: valid("AVIF")[:24] + _boxes_in_boxes(5_000),
        "TIFF of directories in a circle": _tiff_in_a_circle,
        "TIFF of 60,000 tags": _tiff_of_many_tags,
        "TIFF with 2^32 strips": _tiff_of_many_strips,
        "GIF of 20,000 comments": lambda: valid("GIF")[:-1] + b"!\xfe\1x\0" * 20_000 + b";",
        "GIF before 20,000 comments": lambda: b"GIF89a\x10\0\x10\0\0\0\0" + b"!\xfe\1x\0" * 20_000,
        "WEBP of 50,000 chunks": lambda: valid("WEBP") + b"XXXX\0\0\0\0" * 50_000,
    }
    for name, make in makers.items():
        yield HostileFile("very many parts", name, make)
    for kind, number in (
        ("GIF", 2),
        ("GIF", 300),
        ("PNG", 2),
        ("PNG", 200),
        ("WEBP", 2),
        ("WEBP", 200),
        ("TIFF", 2),
        ("TIFF", 300),
    ):
        yield HostileFile("animated", f"{kind} of {number}", partial(animated, kind, number), is_heavy=number > 2)
    yield HostileFile("animated", "MPO", partial(animated, "MPO", 3))
    yield HostileFile("animated", "AVIF", partial(animated, "AVIF", 3))


def _png_of_many_chunks() -> bytes:
    content = valid("PNG")
    return content[:33] + png_chunk(b"teXt", b"a\0b") * 100_000 + content[33:]


def _jpeg_with(middle: bytes) -> bytes:
    content = valid("JPEG progressive")
    return content[:2] + middle + content[2:]


def _boxes_in_boxes(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = struct.pack(">I", len(content) + 12) + b"meta\0\0\0\0" + content
    return content


def _tiff_in_a_circle() -> bytes:
    content = bytearray(tiff(64, 64, data=bytes(4096)))
    content[-4:] = content[4:8]
    return bytes(content)


def _tiff_of_many_tags() -> bytes:
    tags = [short(1000 + number, 1) for number in range(60_000)]
    return b"II*\0" + struct.pack("<I", 8) + directory(tags, 8)


def _tiff_of_many_strips() -> bytes:
    content = bytearray(tiff(64, 2**31 - 1, data=bytes(64)))
    entry = content.index(struct.pack("<HH", 273, LONG))
    content[entry + 4 : entry + 8] = b"\xff\xff\xff\xff"
    return bytes(content)


def png_chunk(name: bytes, data: bytes) -> bytes:
    """One chunk with its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
