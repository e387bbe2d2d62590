"""Shared by the three crash runs: the number of kills, a progress bar, and the start times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.progress import Progress, TaskID


@dataclass
class Kills:
    """The kills of one server; each is one step of the progress bar."""

    number: int
    progress: Progress
    bar: TaskID
    starts_s: list[float] = field(default_factory=list)

    def start(self, start: Callable[[], object]) -> None:
        """Start a server that was killed, and record how long it takes until it is ready."""
        began_s = time.monotonic()
        start()
        self.starts_s.append(time.monotonic() - began_s)
        self.progress.advance(self.bar)

    @property
    def start_p50_s(self) -> float:
        return statistics.median(self.starts_s)

    @property
    def start_max_s(self) -> float:
        return max(self.starts_s)


@dataclass(frozen=True)
class Outcome:
    """What was checked, as text for the table."""

    acknowledged: str
    checked: str
