"""Ports that kill the process at a given call, in tests of what a crash leaves."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection
from typing import Any


class Killed(BaseException):
    """Stands in for SIGKILL: nothing in the product catches it."""


def raise_killed() -> None:
    raise Killed


def kill_this_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Bomb:
    """Kills the process before one writing call of all ports with this fuse, so after the one before it took effect.

    A crash between reads is like one before the next write. Every method that is not named as reading counts.
    """

    def __init__(
        self, port: Any, fuse: list[int], *, reads: Collection[str], kill: Callable[[], None] = raise_killed
    ) -> None:
        """`fuse`: how many writing calls succeed before; shared by all ports of one process. -1: all."""
        self._port = port
        self._fuse = fuse
        self._reads = reads
        self._kill = kill

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if name not in self._reads:
                if self._fuse[0] == 0:
                    self._kill()
                self._fuse[0] -= 1
            return attribute(*args, **kwargs)

        return call


# What an erasure only reads from its ports.
ERASURE_READS = {"get", "erased", "photos", "faces", "object_name", "unfinished", "all_ids", "exclusively"} | {
    *("kept", "versions", "count_photos", "count_faces", "people", "read_derived")
}
