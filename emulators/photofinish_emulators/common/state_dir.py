"""A state directory belongs to one process at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


class CannotServe(Exception):
    """The server cannot start here; the message says why and what to do."""


def lock_state_dir(state_dir: Path) -> IO[str]:
    """Lock ``state_dir`` for this process; the lock lasts until the returned file is closed.

    Raises:
        CannotServe: another process holds the lock, or the directory is not writable.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # it contains the environment of jobs
        handle = (state_dir / "lock").open("w")
    except OSError as error:
        raise CannotServe(f"{state_dir} cannot be used: {error.strerror}; give another --state-dir") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise CannotServe(
            f"{state_dir} is in use by another process: stop that process, or give another --state-dir"
        ) from None
    return handle
