"""Disks that fill up, and files that cannot be written."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

# An unusual limit, by which the processes that have it are found again.
_NO_BYTES = 7


class SmallDisk:
    """A file system of its own in memory, which can be filled. Mounting it needs the rights of root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    @classmethod
    def mounted(cls, folder: Path, size_bytes: int) -> SmallDisk | None:
        """Mount it at `folder`; None where this process may not."""
        folder.mkdir(parents=True, exist_ok=True)
        options = f"size={size_bytes},mode=0755"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
        return cls(folder) if done.returncode == 0 else None

    def fill(self) -> None:
        """Take all space that is left."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (2**26, 2**20, 2**12):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Lazily: what is open still may be written by a process that is about to end."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


def forbid_writing(processes: Iterable[psutil.Process]) -> int:
    """Let every write to a file fail for these processes and for those that they start; return how many there are.

    The kernel answers EFBIG, which servers treat as an error of the disk. (A file system cannot be made read-only while
    files are open for writing.)
    """
    forbidden = 0
    for process in processes:
        with suppress(psutil.Error, OSError, ValueError):  # it is about to end
            _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
            process.rlimit(psutil.RLIMIT_FSIZE, (_NO_BYTES, hard))
            forbidden += 1
    return forbidden


def permit_writing() -> None:
    """End it for all processes; again until there are none, since one may just have started another."""
    while found := [process for process in psutil.process_iter() if _may_not_write(process)]:
        for process in found:
            with suppress(psutil.Error, OSError, ValueError):  # it is about to end
                _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
                process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))


def _may_not_write(process: psutil.Process) -> bool:
    try:
        return process.rlimit(psutil.RLIMIT_FSIZE)[0] == _NO_BYTES
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES, errno.ESRCH):
            return False
        raise
    except psutil.Error:
        return False
