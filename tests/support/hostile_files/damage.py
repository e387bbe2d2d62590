"""Files that are cut off, changed, put together, or called what they are not."""

from __future__ import annotations

import io
import itertools
import random
import zipfile
from collections.abc import Iterator
from functools import partial

from support.fuzz_targets import broken
from support.hostile_files.kinds import HostileFile
from support.hostile_files.valid import NAMES, SUFFIXES, suffix, valid

_FIRST_BYTES = (1, 2, 3, 4, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128)
_RANDOM_CUTS = 14
_BROKEN = 36
_HOLES = 6
_WRONG_NAMES = 6
_STARTS = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"II*\0", b"MM\0*", b"II*\0\x10\0\0\0CR", b"IIRO",
    b"IIU\0", b"FUJIFILMCCD-RAW", b"GIF89a", b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0", b"\0\0\0\x18ftypheic",
    b"\0\0\0\x18ftypavif", b"\0\0\0\x18ftypcrx ", b"\0\0\0\x18ftypmif1",
)  # fmt: skip
_NOT_PICTURES = {
    "empty": b"", "one byte": b"\0", "text": b"no picture\n", "HTML": b"<!doctype html><img src=x onerror=alert(1)>",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9999999" height="9999999"/>', "PDF": b"%PDF-1.7\n",
    "shell": b"#!/bin/sh\nreboot\n", "program": b"\x7fELF" + bytes(60), "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "script of MVG": b"push graphic-context\nimage over 0,0 0,0 'https://example.org/x'\n", "PSD": b"8BPS" + bytes(40),
    "JPEG XL": b"\xff\x0a" + bytes(40), "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
    "video": b"\0\0\0\x18ftypisom" + bytes(40),
    "BigTIFF": b"II+\0\x08\0\0\0" + bytes(40), "zeros": bytes(10_000), "ones": b"\xff" * 10_000,
}  # fmt: skip


def files(dice: random.Random) -> Iterator[HostileFile]:
    yield from _cut(dice)
    yield from _changed(dice)
    yield from _only_a_start(dice)
    yield from _wrong_names(dice)
    yield from _polyglots()
    for name, content in _NOT_PICTURES.items():
        yield HostileFile("no picture", f"{name}.jpg", partial(bytes, content))


def _cut(dice: random.Random) -> Iterator[HostileFile]:
    for name in NAMES:
        for at in _FIRST_BYTES:
            yield HostileFile("cut off", f"{name} {at} bytes", partial(_head, name, at))
        for share in sorted(dice.random() for _ in range(_RANDOM_CUTS)):
            yield HostileFile("cut off", f"{name} {share:.2%}", partial(_share, name, share))


def _head(name: str, length: int) -> bytes:
    return valid(name)[:length]


def _share(name: str, share: float) -> bytes:
    content = valid(name)
    return content[: int(len(content) * share)]


def _changed(dice: random.Random) -> Iterator[HostileFile]:
    for name in NAMES:
        for number in range(_BROKEN):
            yield HostileFile("bytes changed", f"{name} {number}", partial(_broken, name, dice.getrandbits(64)))
        for number in range(_HOLES):
            yield HostileFile("a hole", f"{name} {number}", partial(_hole, name, dice.random(), dice.random()))


def _broken(name: str, seed: int) -> bytes:
    return broken(valid(name), random.Random(seed))


def _hole(name: str, start: float, length: float) -> bytes:
    """Zeros in place of a part, as an interrupted copy leaves them."""
    content = bytearray(valid(name))
    at = int(len(content) * start)
    end = min(len(content), at + max(1, int(len(content) * length)))
    content[at:end] = bytes(end - at)
    return bytes(content)


def _only_a_start(dice: random.Random) -> Iterator[HostileFile]:
    for number, start in enumerate(_STARTS):
        for length in (0, 4, 16, 60, 1000, 20_000):
            make = partial(_noise_after, start, length, dice.getrandbits(64))
            yield HostileFile("noise after a header", f"{number} {length} bytes", make)


def _noise_after(start: bytes, length: int, seed: int) -> bytes:
    return start + random.Random(seed).randbytes(length)


def _wrong_names(dice: random.Random) -> Iterator[HostileFile]:
    for name in NAMES:
        for wrong in dice.sample([one for one in SUFFIXES.values() if one != suffix(name)], _WRONG_NAMES):
            yield HostileFile("wrong extension", f"{name}{wrong}", partial(valid, name))


def _polyglots() -> Iterator[HostileFile]:
    for first, second in itertools.permutations(SUFFIXES, 2):
        yield HostileFile("two files in one", f"{first} then {second}", partial(_joined, first, second))
    for name in SUFFIXES:
        for what in ("ZIP", "HTML", "PDF"):
            yield HostileFile("two files in one", f"{name} then {what}", partial(_with, name, what, is_first=False))
            yield HostileFile("two files in one", f"{what} then {name}", partial(_with, name, what, is_first=True))


def _joined(first: str, second: str) -> bytes:
    return valid(first) + valid(second)


def _with(name: str, what: str, *, is_first: bool) -> bytes:
    other = _archive() if what == "ZIP" else _NOT_PICTURES[what]
    return other + valid(name) if is_first else valid(name) + other


def _archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../escaped", "text")
    return buffer.getvalue()
