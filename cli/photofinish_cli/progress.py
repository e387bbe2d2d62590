"""How far a command is, on standard error: a moving bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from photofinish_cli.output import console, is_quiet, remark

PLAIN_PROGRESS_EVERY_S = 10.0


class ProgressBar(Protocol):
    """How far something is, as a command sees it."""

    def advance(self, count: int = 1) -> None:
        """`count` more are done."""
        ...

    def update(self, *, done: int, total: int | None = None) -> None:
        """Set how many are done, and of how many where that changed."""
        ...


@contextmanager
def progress_bar(label: str, total: int, *, unit: str = "photos", plain: bool = False) -> Iterator[ProgressBar]:
    """Show progress on standard error while the block runs; nothing with `--quiet`.

    On a terminal: label, bar, done/total, rate, time remaining. Elsewhere, or with `plain` (give it `--json`'s value),
    a line every ten seconds and one at the end, and nothing for what takes less than that.
    """
    counter = _Counter(label, total, unit)
    if is_quiet():
        yield counter
        return
    if plain or not sys.stderr.isatty():
        with line_every(counter.line):
            yield counter
        return
    from photofinish_cli.live_progress import LiveBar

    with LiveBar(console(stderr=True), label, total, unit) as bar:
        yield bar


@contextmanager
def line_every(line: Callable[[], str]) -> Iterator[None]:
    """Write what `line` returns to standard error every ten seconds while the block runs; nothing with `--quiet`.

    A block that took ten seconds gets a last line at its end. `line` is called in a thread of its own, so that a long
    step does not keep the next line back.
    """
    if is_quiet():
        yield
        return
    ended = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not ended.wait(PLAIN_PROGRESS_EVERY_S):
            remark(line())
            written += 1

    thread = threading.Thread(target=write, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if written:
        remark(line())


class _Counter:
    def __init__(self, label: str, total: int, unit: str) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._done = 0
        self._started = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self._done += count

    def update(self, *, done: int, total: int | None = None) -> None:
        self._done = done
        self._total = self._total if total is None else total

    def line(self) -> str:
        rate = self._done / max(time.monotonic() - self._started, 1e-9)
        return f"{self._label}: {self._done}/{self._total} {self._unit}, {rate:.1f} {self._unit}/s"
