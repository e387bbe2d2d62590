"""A child that ends when its parent does, however the parent ended.

Standard library only, for run_jobs/run_attempt.py.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with_parent(signum: signal.Signals) -> Callable[[], None] | None:
    """A ``preexec_fn`` by which the kernel sends ``signum`` to the child when the thread that forked it ends.

    None where the system has no such service (anything but Linux). Call it before forking: the child itself only makes
    one system call, since it may not take locks of the parent's other threads.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_kernel() -> None:
        if prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(1)  # the parent died in between, so nobody would ever end this child

    return ask_kernel
