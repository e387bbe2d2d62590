"""Videos among files on this machine: recognised by their content, and read by ranges."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from photofinish.analysis.video.containers import HEAD_BYTES, recognise_video


def is_video(path: Path) -> bool:
    """Whether a file's content is a video's, whatever its name is; no file that cannot be read is one."""
    try:
        with path.open("rb") as file:
            return recognise_video(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False


@contextlib.contextmanager
def opened_video(path: Path) -> Iterator[tuple[Callable[[int, int], bytes], int]]:
    """Open a video; give what reads ranges of it, and its size in bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:

        def fetch(offset: int, size_bytes: int) -> bytes:
            file.seek(offset)
            return file.read(size_bytes)

        yield fetch, path.stat().st_size
