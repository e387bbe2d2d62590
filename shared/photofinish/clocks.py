"""The clock of what waits and repeats, so that tests can let hours pass in no time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Waitable(Protocol):
    """What a thread waits for: a `threading.Event`, or a `threading.Condition` whose lock it holds."""

    def wait(self, timeout: float) -> bool: ...


class Clock(Protocol):
    """Time, and what happens as it passes."""

    def now(self) -> float:
        """Seconds since some moment; it never goes back."""
        ...

    def wait(self, waitable: Waitable, timeout_s: float) -> None:
        """Wait for `waitable`, at most `timeout_s`."""
        ...

    def every(self, interval_s: float, act: Callable[[], object], *, name: str) -> AbstractContextManager[None]:
        """Call `act`, which raises nothing, every `interval_s` until the end of the block."""
        ...


class SystemClock:
    """The clock of this machine; `every` runs a thread."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, waitable: Waitable, timeout_s: float) -> None:
        waitable.wait(timeout_s)

    @contextmanager
    def every(self, interval_s: float, act: Callable[[], object], *, name: str) -> Iterator[None]:
        stopping = threading.Event()

        def repeat() -> None:
            while not stopping.wait(interval_s):
                act()

        thread = threading.Thread(target=repeat, name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()
