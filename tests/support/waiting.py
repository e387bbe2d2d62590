"""Waiting for something that another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# After so long a test fails that waits for something: a machine may be ten times busier than usual.
DEADLINE_S = 60.0


def wait_until(condition: Callable[[], T | None], what: str, timeout_s: float = DEADLINE_S) -> T:
    """Return the first true result of ``condition``; fail with ``what`` after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what} (last result: {result!r})")
        time.sleep(0.01)
    return result
