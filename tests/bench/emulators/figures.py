"""Measured figures, their bars, and the processor time of server and client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement; ``bar`` is the required value, None if there is none."""

    server: str
    name: str
    unit: str
    value: float
    bar: float | None = None
    more_is_better: bool = False
    server_cpu_us: float | None = None
    """Processor time of the server per operation, microseconds."""
    client_cpu_us: float | None = None
    """The same for this process, which runs the clients."""

    @property
    def met(self) -> bool | None:
        if self.bar is None:
            return None
        return self.value >= self.bar if self.more_is_better else self.value <= self.bar


@dataclass(slots=True)
class Took:
    """The times of a measured block, set when it ends."""

    wall_s: float = 0.0
    server_s: float = 0.0
    client_s: float = 0.0

    def rate(self, server: str, name: str, count: int, bar: float | None) -> Figure:
        """The rate of ``count`` operations, per second."""
        cpu_us = (self.server_s / count * 1e6, self.client_s / count * 1e6)
        return Figure(server, name, "/s", count / self.wall_s, bar, True, *cpu_us)


@contextmanager
def measured(server_pid: int) -> Iterator[Took]:
    """Measure wall time, and processor time of the server and of this process."""
    took, server, client = Took(), psutil.Process(server_pid), psutil.Process()
    before, began_s = (_cpu_s(server), _cpu_s(client)), time.perf_counter()
    yield took
    took.wall_s = time.perf_counter() - began_s
    took.server_s, took.client_s = _cpu_s(server) - before[0], _cpu_s(client) - before[1]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def memory_mb(pid: int) -> float:
    """Resident memory, 10⁶ bytes."""
    return psutil.Process(pid).memory_info().rss / 1e6
