"""Ends a child process when its parent ends in any way.

Uses only the standard library, as run_jobs/run_attempt.py does.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with_parent(signum: signal.Signals) -> Callable[[], None] | None:
    """A ``preexec_fn`` that makes the kernel send ``signum`` to the child when the thread that forked it ends.

    None on systems other than Linux, which cannot do this. Call this function before forking: the ``preexec_fn`` makes
    only one system call, because after a fork it must not wait for locks of the parent's other threads.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def set_death_signal() -> None:
        if prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(1)  # the parent died before the call, so the signal would never come

    return set_death_signal
