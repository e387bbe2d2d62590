"""The analysis task without its text models, which kills itself at a named step of a commit when a file says so.

    python dying_task.py FOLDER

A file `before documents.record_final` (or `after …`) in FOLDER kills the task that makes this call next, once. A
poisoned photo (`schedule.POISON`) kills or hangs every task that reads it, as a bug of a library would.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from photofinish.wiring import App, app
from photofinish_jobs import __main__ as task

sys.path.insert(0, str(Path(__file__).parents[2]))
from support.faulty_cloud.schedule import POISON, STEPS
from support.quick_text import read_quickly


class DyingPort:
    """Passes calls on to a port, and kills the process where a file says so."""

    def __init__(self, port: Any, name: str, folder: Path) -> None:
        self._port = port
        self._name = name
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            step = f"{self._name}.{name}"
            self._die(f"before {step}")
            result = attribute(*args, **kwargs)
            self._die(f"after {step}")
            if isinstance(result, bytes):
                self._swallow(result)
            return result

        return call

    def _swallow(self, photo: bytes) -> None:
        _, marker, does = photo[-32:].partition(POISON)
        if marker and does == b"kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while marker:
            threading.Event().wait()

    def _die(self, moment: str) -> None:
        try:
            (self._folder / moment).unlink()
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def wrap(cloud: App, steps: tuple[str, ...], folder: Path) -> None:
    """Put such ports in place of those that `steps` name; the App makes each of its ports once."""
    for name in {step.split(".")[0] for step in steps}:
        cloud.__dict__[name] = DyingPort(getattr(cloud, name), name, folder)


if __name__ == "__main__":
    wrap(app(), STEPS, Path(sys.argv[1]))
    read_quickly()
    sys.exit(task.main([]))
