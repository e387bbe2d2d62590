"""When tasks start without GPU: decisions about GPUs that Cloud Run refuses for quota."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LONGEST_RETRY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRefusal:
    """GPUs were refused, and since then no task with a GPU has started."""

    reason: str
    """Cloud Run's words, of the last refusal."""
    since: datetime
    """Of the first refusal."""
    refusals: int
    retry_at: datetime
    """When tasks with GPUs are started again, if there is work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuLaunch:
    """An execution with GPUs that Cloud Run accepted, and of which no task has reported yet."""

    execution: str
    """Its full name."""
    launch_id: str
    task_count: int
    launched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """What is known of a deployment's GPUs; without a refusal, they are to be had."""

    refusal: GpuRefusal | None = None
    launch: GpuLaunch | None = None
    confirmed_launch: str | None = None
    """Id of the latest launch of which a task reported: it may do so before its launch is recorded."""

    def may_try(self, now: datetime) -> bool:
        """Whether the next tasks start with GPUs."""
        return self.refusal is None or now >= self.refusal.retry_at

    def refused(self, reason: str, now: datetime, *, first_retry_s: float) -> GpuState:
        """After one more refusal: the pause doubles each time, from `first_retry_s` to an hour."""
        refusals = self.refusal.refusals + 1 if self.refusal else 1
        pause = min(LONGEST_RETRY, timedelta(seconds=first_retry_s * 2 ** min(refusals - 1, 30)))
        refusal = GpuRefusal(
            reason=" ".join(reason.split()),
            since=self.refusal.since if self.refusal else now,
            refusals=refusals,
            retry_at=now + pause,
        )
        return replace(self, refusal=refusal, launch=None)

    def launched(self, launch: GpuLaunch) -> GpuState:
        """After Cloud Run accepted an execution: a refusal stays until one of its tasks runs."""
        return self if launch.launch_id == self.confirmed_launch else replace(self, launch=launch)

    def confirmed(self, launch_id: str) -> GpuState:
        """After a task of that launch reported: GPUs are to be had."""
        is_this = self.launch is not None and self.launch.launch_id == launch_id
        return GpuState(launch=None if is_this else self.launch, confirmed_launch=launch_id)
