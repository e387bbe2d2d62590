"""What waits for analysis, how fast it goes, and when it will be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from cachetools import TTLCache, cached

from photofinish.domain.album_event import EventFilter, RecordedEvent
from photofinish.domain.album_statistics import RESULTS
from photofinish.domain.running_tasks import RunningTask, running_tasks
from photofinish.ports import Documents, EventLog, PhotoRecord, Statistics, TaskLeases

RATE_WINDOW = timedelta(minutes=2)
FAILURES_OF = timedelta(days=1)
_KEPT_S = 3.0
# Those of the rate. At 100 photos a second, with three events each, these are of ten seconds.
NEWEST_EVENTS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The work on all albums."""

    at: datetime
    outstanding: int
    """Photos that are queued or processing."""
    oldest: PhotoRecord | None
    """The one that has been longest."""
    tasks: Sequence[RunningTask]
    results_per_s: float | None
    """Over the last two minutes; None without results in them."""
    failures: Mapping[str, int]
    """Photos that failed in the last day, by code."""

    @property
    def retries(self) -> int:
        """Photos that the tasks tried again since they began."""
        return sum(task.retries for task in self.tasks)

    @property
    def ends_at(self) -> datetime | None:
        """When the queue will be empty at this rate; None where nothing waits or nothing is done."""
        if not self.outstanding or not self.results_per_s:
            return None
        return self.at + timedelta(seconds=self.outstanding / self.results_per_s)


def results_per_s(newest: Sequence[RecordedEvent], now: datetime, *, are_all: bool) -> float | None:
    """Return the results a second of the last two minutes, or of the time that `newest` covers if that is shorter.

    `newest`: events, newest first; `are_all`: the log has no others.
    """
    since = now - RATE_WINDOW
    if newest and not are_all:
        since = max(since, newest[-1].recorded_at)
    results = sum(one.event.type in RESULTS and one.recorded_at >= since for one in newest)
    return results / max(1.0, (now - since).total_seconds()) if results else None


class QueueReading:
    """Reads the queue at most every 3 s; threads may share it."""

    def __init__(
        self,
        documents: Documents,
        leases: TaskLeases,
        events: EventLog,
        statistics: Statistics,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._documents = documents
        self._leases = leases
        self._events = events
        self._statistics = statistics
        self._now = now
        self._kept = cached(TTLCache[tuple[()], Queue](1, _KEPT_S), lock=Lock())(self._read)

    def read(self) -> Queue:
        """Return the state of the queue, at most 3 s old."""
        return self._kept()

    def _read(self) -> Queue:
        now = self._now()
        newest = self._events.newest(None, EventFilter(), before=None, limit=NEWEST_EVENTS).events
        return Queue(
            at=now,
            outstanding=self._documents.outstanding(),
            oldest=next(iter(self._documents.longest_outstanding(None, limit=1)), None),
            tasks=running_tasks(self._leases.reports(), now),
            results_per_s=results_per_s(newest, now, are_all=len(newest) < NEWEST_EVENTS),
            failures=self._statistics.failures(now - FAILURES_OF),
        )
