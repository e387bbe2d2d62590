"""The boxes of HEIF and AVIF files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from photofinish.analysis.imaging.files import FileToDecode

_NEEDED_BOXES = frozenset({b"meta", b"mdat", b"moov"})


@dataclass(frozen=True, slots=True)
class _Box:
    name: bytes
    start: int
    end: int
    """As the box says; may lie beyond the end of the file."""


def examined(content: bytes) -> FileToDecode:
    """Leave out what phones append to the picture (a video, notes of the maker), which may not be a box."""
    boxes = list(_boxes(content))
    is_short = any(box.end > len(content) for box in boxes) or b"meta" not in {box.name for box in boxes}
    last = max((box.end for box in boxes if box.name in _NEEDED_BOXES), default=len(content))
    return FileToDecode(content[:last], is_short=is_short)


def metadata(content: bytes) -> bytes:
    """Return the box that describes the pictures; empty without one."""
    return next((content[box.start : box.end] for box in _boxes(content) if box.name == b"meta"), b"")


def has_tracks(content: bytes) -> bool:
    """Whether the file holds a video, perhaps beside a picture."""
    return any(box.name == b"moov" for box in _boxes(content))


def _boxes(content: bytes) -> Iterator[_Box]:
    """Yield the outermost boxes, up to bytes that are no box."""
    start = 0
    while start + 8 <= len(content):
        size, name = int.from_bytes(content[start : start + 4], "big"), content[start + 4 : start + 8]
        if size == 1:
            size = int.from_bytes(content[start + 8 : start + 16], "big")
        end = start + size if size else len(content)
        if end < start + 8 or not name.isalnum():
            return
        yield _Box(name, start, end)
        start = end
