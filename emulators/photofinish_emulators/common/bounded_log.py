"""A log file of bounded size: the newest output in ``NAME``, older output in ``NAME.1``."""

from __future__ import annotations

import os
from pathlib import Path


class BoundedLog:
    """Appends bytes to ``path``; a file that would exceed ``max_bytes`` is renamed to ``path.1`` first.

    One process writes a log. Writes are unbuffered, so a killed writer loses nothing it has written.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, data: bytes) -> None:
        if self._size and self._size + len(data) > self._max_bytes:
            self._file.close()
            os.replace(self.path, older(self.path))
            self._file = self.path.open("ab", buffering=0)
            self._size = 0
        self._file.write(data)
        self._size += len(data)

    def close(self) -> None:
        self._file.close()


def older(path: Path) -> Path:
    """The file with the older output of the log ``path``."""
    return path.with_name(path.name + ".1")
