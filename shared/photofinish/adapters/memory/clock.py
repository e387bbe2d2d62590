"""A clock whose time passes only when something waits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from photofinish.clocks import Waitable


class VirtualClock:
    """:class:`photofinish.clocks.Clock` for one thread: waiting advances it, and calls meanwhile what is due."""

    def __init__(self) -> None:
        self._now = 0.0
        self._numbers = itertools.count()
        self._due: dict[int, tuple[float, float, Callable[[], object]]] = {}
        """Number → when next, interval, what."""

    def now(self) -> float:
        return self._now

    def wait(self, waitable: Waitable, timeout_s: float) -> None:
        """Let the time pass; nothing but what is due can happen meanwhile, so `waitable` is not asked."""
        del waitable
        self.advance(timeout_s)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, and call what is due in the order of its times."""
        until = self._now + seconds
        while due := [(at, number) for number, (at, _, _) in self._due.items() if at <= until]:
            at, number = min(due)
            _, interval_s, act = self._due[number]
            self._due[number] = (at + interval_s, interval_s, act)
            self._now = max(self._now, at)
            act()
        self._now = max(self._now, until)

    @contextmanager
    def every(self, interval_s: float, act: Callable[[], object], *, name: str) -> Iterator[None]:
        del name
        number = next(self._numbers)
        self._due[number] = (self._now + interval_s, interval_s, act)
        try:
            yield
        finally:
            self._due.pop(number, None)
