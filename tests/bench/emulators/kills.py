"""What the three crash runs share: how often to kill, a progress bar, and how long each start took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.progress import Progress, TaskID


@dataclass
class Kills:
    """One server's kills: a step of the progress bar each."""

    number: int
    progress: Progress
    bar: TaskID
    starts_s: list[float] = field(default_factory=list)

    def start(self, start: Callable[[], object]) -> None:
        """Start a server that was killed, and note how long it takes until it is ready."""
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
    """What was checked, in words for the table."""

    acknowledged: str
    checked: str
