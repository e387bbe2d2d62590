"""Figures of a task's stages: photos, photos a second, time per photo, photos waiting."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from photofinish.clocks import Clock, SystemClock
from photofinish.errors import Unavailable
from photofinish.logs import fields
from photofinish.ports import TaskLeases

log = logging.getLogger(__name__)
REPORT_EVERY_S = 5.0  # a Firestore document takes about one write a second, and people look less often


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFigures:
    """The figures of one stage at a report."""

    stage: str
    photos: int
    """Since the task began."""
    photos_per_s: float
    """Since the last report."""
    ms_per_photo: float
    """In one thread, since the last report; since the task began where no photo passed since then."""
    waiting: int | None
    """Photos in the queue before this stage; None for the parts of `analyse`, which share one thread."""


class Metrics:
    """Counts photos and time for all threads of a task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._retries = 0
        self._photos: dict[str, int] = defaultdict(int)
        self._spent_ms: dict[str, float] = defaultdict(float)
        self._waiting: dict[str, Callable[[], int]] = {}
        self._last: dict[str, tuple[int, float]] = {}
        self._last_at = time.monotonic()

    def watch(self, stage: str, waiting: Callable[[], int]) -> None:
        """Include `waiting()`, the number of photos in the queue before `stage`, in reports."""
        self._waiting[stage] = waiting

    def add(self, stage: str, spent_ms: float) -> None:
        """Count one photo that passed `stage`."""
        self.add_all({stage: spent_ms})

    def add_all(self, spent_ms: Mapping[str, float]) -> None:
        """Count one photo that passed all these stages."""
        with self._lock:
            for stage, milliseconds in spent_ms.items():
                self._photos[stage] += 1
                self._spent_ms[stage] += milliseconds

    def add_retries(self, count: int) -> None:
        """Count photos whose message was delivered before: an earlier attempt did not end with a result."""
        with self._lock:
            self._retries += count

    @property
    def retries(self) -> int:
        """Photos since the task began that were tried again."""
        return self._retries

    def report(self) -> list[StageFigures]:
        """Return the figures of every stage in processing order; each call begins a new interval."""
        with self._lock:
            now = time.monotonic()
            elapsed_s, self._last_at = max(1e-3, now - self._last_at), now
            figures = []
            for stage in sorted(self._photos.keys() | self._waiting.keys(), key=_position):
                photos, spent_ms = self._photos[stage], self._spent_ms[stage]
                before, spent_before_ms = self._last.get(stage, (0, 0.0))
                self._last[stage] = (photos, spent_ms)
                new, new_ms = (photos - before, spent_ms - spent_before_ms) if photos > before else (photos, spent_ms)
                figures.append(
                    StageFigures(
                        stage=stage,
                        photos=photos,
                        photos_per_s=round((photos - before) / elapsed_s, 2),
                        ms_per_photo=round(new_ms / new, 1) if new else 0.0,
                        waiting=self._waiting[stage]() if stage in self._waiting else None,
                    )
                )
            return figures


_ORDER = (
    *("fetch", "decode", "analyse", "detect", "embed", "read", "detect_bibs", "read_torsos", "read_steep"),
    *("sharpness", "preview", "thumbnail"),
    *("watch", "commit"),
)


def _position(stage: str) -> int:
    return _ORDER.index(stage) if stage in _ORDER else len(_ORDER)


class Reporter:
    """Logs the figures every few seconds, and publishes them for `photofinish status --watch`."""

    def __init__(
        self,
        metrics: Metrics,
        leases: TaskLeases,
        lease_id: str,
        *,
        every_s: float = REPORT_EVERY_S,
        clock: Clock | None = None,
    ) -> None:
        self._metrics = metrics
        self._leases = leases
        self._lease_id = lease_id
        self._every_s = every_s
        self._clock: Clock = clock or SystemClock()
        self._reporting = ExitStack()

    def __enter__(self) -> Self:
        self._reporting.enter_context(self._clock.every(self._every_s, self._report, name="reporter"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reporting.close()
        self._log(self._metrics.report())
        self._publish(None)

    def _report(self) -> None:
        figures = self._metrics.report()
        self._log(figures)
        self._publish(
            {
                "at": datetime.now(UTC),
                "every_s": self._every_s,
                "stages": [asdict(figure) for figure in figures],
                "retries": self._metrics.retries,
            }
        )

    def _log(self, figures: list[StageFigures]) -> None:
        log.info(
            "stages",
            extra=fields(
                place=self._lease_id, stages=[asdict(figure) for figure in figures], retries=self._metrics.retries
            ),
        )

    def _publish(self, report: Mapping[str, Any] | None) -> None:
        """Replace the report of this task; None deletes it. Nothing waits for it, so a failure is only logged."""
        try:
            self._leases.report(self._lease_id, report)
        except Exception as error:
            unexpected = not isinstance(error, Unavailable)
            log.warning("could not report the stages, trying again: %s", error, exc_info=unexpected)
