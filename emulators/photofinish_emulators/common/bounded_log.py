"""A log file that cannot fill the disk: the newest ``max_bytes`` and up to as many older ones in ``NAME.1``."""

from __future__ import annotations

import os
from pathlib import Path


class BoundedLog:
    """Appends bytes to ``path``; when it would outgrow ``max_bytes`` it becomes ``path.1`` and a new file begins.

    One process writes a log. Every write reaches the kernel at once, so a killed writer loses nothing it has written.
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
    """Where the part of the log ``path`` lies that was written before its present content."""
    return path.with_name(path.name + ".1")
