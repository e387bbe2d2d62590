"""Ctrl-C ends a command within a second, also while a model computes.

Python raises KeyboardInterrupt only between two of its own steps, one of which may be a model that runs for seconds,
and then waits for the threads of uploads and clients. A thread that reads from a pipe notices the signal at once.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import NoReturn

from photofinish_cli.output import ExitCode, flush_all, tell_interrupted

GRACE_S = 0.5  # for the command to end by itself


def end_promptly() -> None:
    """From now on Ctrl-C ends this process within a second; call it on the main thread.

    A command that handles the signal by asyncio, as `up` does, takes over. A process that ignores the signal, as shells
    start those in the background, still does.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    noticed, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(noticed,), name="interrupts", daemon=True).start()


def exit_now() -> NoReturn:
    """End this process without waiting for its threads: what uploads and clients still do can be repeated."""
    flush_all()
    os._exit(ExitCode.INTERRUPTED)


def _watch(noticed: int) -> None:
    while signals := os.read(noticed, 64):
        if signal.SIGINT in signals:
            time.sleep(GRACE_S)
            tell_interrupted()
            exit_now()
