"""Temporary files in memory where there is room: a database for each test is 400 files, which cost more on a disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psutil

SHARED_MEMORY = Path("/dev/shm")
NEEDED_BYTES = 2 * 2**30  # three times what a run was seen to write


def use_memory() -> None:
    """Let this process and its children make their temporary files in memory, unless TMPDIR says where."""
    if "TMPDIR" not in os.environ and _has_room(SHARED_MEMORY):
        os.environ["TMPDIR"] = str(SHARED_MEMORY)
        tempfile.tempdir = None  # read the environment again


def _has_room(folder: Path) -> bool:
    """Whether files in `folder` may be written and started, and leave memory for the tests."""
    if not os.access(folder, os.W_OK):
        return False
    system = os.statvfs(folder)
    free = system.f_bavail * system.f_frsize
    return (
        not system.f_flag & os.ST_NOEXEC
        and free >= NEEDED_BYTES
        and psutil.virtual_memory().available >= 2 * NEEDED_BYTES
    )
