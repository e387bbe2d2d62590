"""Pictures whose EXIF, profile or other notes are giant, broken or odd."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from functools import partial

import cv2
from PIL import Image, ImageCms

from support.fuzz_targets import broken
from support.hostile_files.bombs import png_chunk
from support.hostile_files.kinds import HostileFile
from support.hostile_files.valid import valid
from support.pictures import encode, exif, noise, save

_ORIENTATIONS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 65_535)
_WITH_EXIF = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF")
_SEGMENT_BYTES = 65_533
_BROKEN = 40
_ODD_TEXTS = (
    b"",
    b"\0",
    b"\xff\xfe\xfd",
    "Möwe".encode(),
    b"x" * 30_000,
    "\ud83d\ude00".encode("utf-16", "surrogatepass"),
)
_ODD_TIMES = (
    "0000:00:00 00:00:00", "2026:13:45 99:99:99", "9999:12:31 23:59:60", "2026-05-01T09:30:15Z", "    :  :     :  :  ",
    "1:1:1 1:1:1", "-001:01:01 00:00:00", "2026:02:30 10:00:00", "2026:05:01 09:30:15.999999999999", "9" * 5_000,
)  # fmt: skip


def files(dice: random.Random) -> Iterator[HostileFile]:
    for kind in _WITH_EXIF:
        for orientation in _ORIENTATIONS:
            make = partial(_encoded, kind, exif(orientation=orientation))
            yield HostileFile("odd orientation", f"{kind} {orientation}", make)
    for number in range(_BROKEN):
        for kind in ("JPEG", "PNG", "WEBP", "HEIF"):
            make = partial(_with_broken_exif, kind, dice.getrandbits(64))
            yield HostileFile("broken EXIF", f"{kind} {number}", make)
    for name, block in _blocks().items():
        for kind in ("JPEG", "WEBP", "PNG"):
            if kind != "JPEG" or len(block) < _SEGMENT_BYTES:
                yield HostileFile("broken EXIF", f"{kind} {name}", partial(_encoded, kind, b"Exif\0\0" + block))
    for number, text in enumerate(_ODD_TEXTS):
        tags = {271: text, 272: text}
        yield HostileFile("odd EXIF texts", f"camera {number}", partial(_jpeg_with_tags, tags, {}))
    for number, time in enumerate(_ODD_TIMES):
        yield HostileFile(
            "odd EXIF texts", f"time {number}", partial(_jpeg_with_tags, {}, {36867: time, 36881: "+99:99"})
        )
    for megabytes in (1, 45):
        for name, start in _STARTS_OF_SEGMENTS.items():
            make = partial(_jpeg_with_segments, start, megabytes)
            yield HostileFile("giant notes", f"JPEG {megabytes} MB {name}", make, is_heavy=megabytes > 1)
    for megabytes in (1, 45):
        for chunk in (b"eXIf", b"iTXt", b"iCCP"):
            make = partial(_png_with_chunk, chunk, megabytes)
            yield HostileFile("giant notes", f"PNG {megabytes} MB {chunk.decode()}", make, is_heavy=megabytes > 1)
    for number in range(12):
        make = partial(_with_broken_profile, number, dice.getrandbits(64))
        yield HostileFile("broken colour profile", str(number), make)


_STARTS_OF_SEGMENTS = {
    "EXIF": b"\xff\xe1%bExif\0\0II*\0\x08\0\0\0",
    "XMP": b"\xff\xe1%bhttp://ns.adobe.com/xap/1.0/\0<x:xmpmeta><exif:DateTimeOriginal>",
    "profile": b"\xff\xe2%bICC_PROFILE\0\x01\xff",
    "Photoshop": b"\xff\xed%bPhotoshop 3.0\x008BIM",
    "MPF": b"\xff\xe2%bMPF\0II*\0\x08\0\0\0",
}


def _encoded(kind: str, block: bytes) -> bytes:
    options: dict[str, object] = {"speed": 10} if kind == "AVIF" else {}
    return encode(noise(48, 32), kind, exif=block, **options)


def _jpeg_with_tags(tags: dict[int, object], photo_tags: dict[int, object]) -> bytes:
    return _encoded("JPEG", exif(tags=tags, photo_tags=photo_tags))


def _with_broken_exif(kind: str, seed: int) -> bytes:
    block = exif(
        orientation=6,
        tags={271: "Canon", 272: "EOS R5", 306: "2026:05:01 09:30:15"},
        photo_tags={36867: "2026:05:01 09:30:15", 36881: "+02:00", 37500: b"notes of the maker"},
        gps_tags={29: "2026:05:01", 7: (9.0, 30.0, 15.0)},
    )
    return _encoded(kind, block[:10] + broken(block[10:], random.Random(seed)))


def _blocks() -> dict[str, bytes]:
    """EXIF blocks as no camera writes them, without the name in front."""
    endless = struct.pack("<HHI", 34665, 4, 1) + struct.pack(
        "<I", 8
    )  # the Exif directory is the first directory itself
    return {
        "a directory in itself": b"II*\0\x08\0\0\0\1\0" + endless + b"\x08\0\0\0",
        "2^32 values": b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 306, 2, 2**32 - 1, 0) + bytes(4),
        "2^31 fractions": b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 33434, 5, 2**31, 8) + bytes(4),
        "65,535 tags": b"II*\0\x08\0\0\0\xff\xff" + bytes(1000),
        "beyond the end": b"II*\0\xff\xff\xff\x7f",
        "an unknown type": b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHII", 274, 99, 1, 6) + bytes(4),
        "orientation as text": b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHI", 274, 2, 2) + b"6\0\0\0" + bytes(4),
        "many orientations": b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHII", 274, 3, 60_000, 8) + bytes(4),
        "a fraction by zero": b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 282, 5, 1, 8) + bytes(8),
        "nothing": b"",
        "noise": random.Random(1).randbytes(5_000),
    }


def _jpeg_with_segments(start: bytes, megabytes: int) -> bytes:
    head = start.replace(b"%b", (_SEGMENT_BYTES + 2).to_bytes(2, "big"))
    segment = head + b"x" * (_SEGMENT_BYTES + 4 - len(head))
    content = valid("JPEG progressive")
    return content[:2] + segment * (megabytes * 1_000_000 // len(segment)) + content[2:]


def _png_with_chunk(chunk: bytes, megabytes: int) -> bytes:
    content = valid("PNG palette")
    start = {b"eXIf": b"II*\0\x08\0\0\0", b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0", b"iCCP": b"p\0\0"}[chunk]
    return content[:33] + png_chunk(chunk, start + bytes(megabytes * 1_000_000)) + content[33:]


def _with_broken_profile(number: int, seed: int) -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(("sRGB", "LAB", "XYZ")[number % 3])).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # without the time at which it was made
    mode = ("RGB", "CMYK")[number % 2]
    picture = Image.fromarray(cv2.cvtColor(noise(48, 32), cv2.COLOR_BGR2RGB)).convert(mode)
    return save(picture, "JPEG", icc_profile=broken(profile, random.Random(seed)))
