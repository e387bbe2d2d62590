"""A file that is read by ranges, a few of which are kept."""

from __future__ import annotations

import io
import os
from collections import OrderedDict
from collections.abc import Callable

RANGE_BYTES = 2**20
_KEPT_RANGES = 8

Fetch = Callable[[int, int], bytes]
"""Return so many bytes from an offset on, all within the file."""


class RangeFile(io.BufferedIOBase):
    """A file of `size_bytes`, fetched in aligned ranges of at most 1 MiB; videos are interleaved, so eight are kept."""

    def __init__(self, fetch: Fetch, size_bytes: int) -> None:
        self._fetch = fetch
        self._size_bytes = size_bytes
        self._position = 0
        self._ranges: OrderedDict[int, bytes] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        self._position = min(max(0, start + offset), self._size_bytes)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        left = self._size_bytes - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        parts = []
        while wanted > 0:
            number, start = divmod(self._position, RANGE_BYTES)
            part = self._range(number)[start : start + wanted]
            parts.append(part)
            self._position += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def read_at(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes from `offset` on; fewer at the end of the file."""
        self.seek(offset)
        return self.read(size)

    def _range(self, number: int) -> bytes:
        kept = self._ranges.get(number)
        if kept is None:
            start = number * RANGE_BYTES
            kept = self._fetch(start, min(RANGE_BYTES, self._size_bytes - start))
            self._ranges[number] = kept
            if len(self._ranges) > _KEPT_RANGES:
                self._ranges.popitem(last=False)
        else:
            self._ranges.move_to_end(number)
        return kept
