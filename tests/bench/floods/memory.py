"""Resident memory of every process of a local cloud over time."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import psutil

from photofinish_emulators import stack
from photofinish_emulators.stack import state

Series = list[tuple[float, float]]
"""(seconds since the start, MB) of one piece."""
_EVERY_S = 2.0
MAX_GROWTH = 1.25
"""Of the memory of a process from the second quarter of the flood to its last one."""
_MIN_MB = 60
"""Processes below it are not judged by their growth."""
_TASK_PROGRAM = "quick_text.py"


class MemoryOverTime:
    """Looks every two seconds, until it is stopped."""

    def __init__(self, state_dir: Path) -> None:
        self.series: dict[str, Series] = defaultdict(list)
        self._state_dir = state_dir
        self._began = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            at_s = time.monotonic() - self._began
            for name, mb in self._now().items():
                self.series[name].append((at_s, mb))

    def _now(self) -> dict[str, float]:
        """MB by piece; functions' workers count with them."""
        status = state.read(self._state_dir)
        if status is None or not status.is_running:
            return {}
        names = {piece.pid: name for name, piece in stack.pieces(self._state_dir).items()}
        found: dict[str, float] = defaultdict(float)
        supervisor = psutil.Process(status.supervisor.pid)
        for process in [supervisor, *supervisor.children(recursive=True)]:
            try:
                found[_name(process, names)] += process.memory_info().rss / 1e6
            except psutil.NoSuchProcess:
                continue
        return found


def growing(memory: Mapping[str, Series]) -> dict[str, float]:
    """Processes whose memory grows too much, and by which ratio."""
    grown = {name: growth(line) for name, line in memory.items() if max(mb for _, mb in line) > _MIN_MB}
    return {name: ratio for name, ratio in grown.items() if ratio > MAX_GROWTH}


def growth(series: Series) -> float:
    """How much larger the last quarter is than the second one, as a ratio: what grows with every photo shows here."""
    quarter = len(series) // 4
    if not quarter:
        return 1.0
    second, last = series[quarter : 2 * quarter], series[-quarter:]
    return _mean(last) / _mean(second)


def _mean(series: Series) -> float:
    return sum(mb for _, mb in series) / len(series)


def _name(process: psutil.Process, names: dict[int | None, str]) -> str:
    command = process.cmdline()
    if any(part.endswith(_TASK_PROGRAM) for part in command):
        return "analysis tasks"
    if "photofinish.analysis.decoders.program" in command:
        return "decoders"
    return next((names[one.pid] for one in [process, *process.parents()] if one.pid in names), "supervisor")
