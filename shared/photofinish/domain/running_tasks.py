"""What analysis tasks report of themselves while they work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# A task that left nothing for so many of its intervals has ended, or was killed.
_MISSED_REPORTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTask:
    """One analysis task, of whatever album it works on."""

    place: str
    reported_s_ago: float
    retries: int
    """Photos that it tried again since it began: an earlier attempt did not end with a result."""
    stages: Sequence[Mapping[str, Any]]
    """Each with `stage`, `photos`, `photos_per_s`, `ms_per_photo` and `waiting`, in the order of a photo's way."""


def running_tasks(reports: Mapping[str, Mapping[str, Any]], now: datetime) -> list[RunningTask]:
    """The tasks that still report, by place."""
    running = []
    for place, report in sorted(reports.items()):
        age_s = (now - report["at"]).total_seconds()
        if age_s <= _MISSED_REPORTS * report["every_s"]:
            running.append(
                RunningTask(
                    place=place,
                    reported_s_ago=max(0.0, age_s),
                    retries=report.get("retries", 0),  # a task of the version before does not report them
                    stages=report["stages"],
                )
            )
    return running
