"""The work of analysing photos: its queue, its tasks, its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from photofinish.domain.gpu_quota import GpuState
from photofinish.domain.lanes import Lane
from photofinish.domain.photo import PhotoRef, PhotoStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A photo to analyse, in the queue."""

    photo: PhotoRef
    trace_id: str
    uploaded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedWork:
    """A work item that no other task gets before its ack deadline, which :meth:`WorkQueue.extend` moves."""

    item: WorkItem
    ack_id: str = field(repr=False)
    delivery_attempt: int
    published_at: datetime


class WorkQueue(Protocol):
    """The durable queue of photos to analyse; delivers at least once.

    It has two lanes, and shares pulls between them by :data:`photofinish.domain.lanes.SHARES` while both have items, so
    that neither starves. Within a lane items come in no certain order, mostly that of their arrival.
    """

    def publish(self, items: Sequence[WorkItem], *, lane: Lane = Lane.PROMPT) -> None:
        """Queue `items`; return once all are durable."""
        ...

    def pull(self, max_items: int, *, timeout_s: float) -> list[LeasedWork]:
        """Return up to `max_items`, waiting at most about `timeout_s` for the first; an empty list if none came.

        All are of one lane. A message that is not a work item, or about an object of another bucket, is logged and
        acknowledged.
        """
        ...

    def drain(self) -> list[LeasedWork]:
        """End the pulls that are still under way, and return what they bring.

        Afterwards no item is leased that was not returned here or by :meth:`pull`.
        """
        ...

    def extend(self, ack_ids: Sequence[str], *, deadline_s: int) -> None:
        """Move the deadlines to `deadline_s` seconds from now; 0 gives the items back at once."""
        ...

    def ack(self, ack_ids: Sequence[str]) -> None:
        """Acknowledge finished items; they are delivered again only rarely."""
        ...


class ResultEvents(Protocol):
    """Announcements that a photo was queued or reached a final status."""

    def publish_result(self, photo: PhotoRef, status: PhotoStatus) -> None:
        """Publish the status durably, at least once, and without biometric data."""
        ...


class JobLauncher(Protocol):
    """Starts executions of the analysis job."""

    def launch(self, *, task_count: int, env: Mapping[str, str]) -> str:
        """Start one execution of `task_count` tasks with `env` added; return its name without waiting for it.

        Raises:
            GpuRefused: the job has GPUs, and they are refused for quota.
        """
        ...

    def refusal(self, execution: str) -> str | None:
        """Return why an accepted execution got no GPU for quota; None if it did, or is still waiting for one."""
        ...

    def cancel(self, execution: str) -> None:
        """End an execution; one that has ended already stays as it is."""
        ...


class GpuStates(Protocol):
    """What is known of the deployment's GPUs."""

    def read(self) -> GpuState:
        """Return the state; before anything was written, GPUs are to be had."""
        ...

    def update(self, change: Callable[[GpuState], GpuState]) -> GpuState:
        """Replace the state by `change(state)`, in one transaction, which may call it again; return the new one."""
        ...


class TaskLeases(Protocol):
    """Leases of the running analysis tasks: one per task, with a heartbeat and an expiry."""

    def reserve(self, count_for: Callable[[int], int], *, launch_id: str, expires_in_s: float) -> int:
        """In one transaction, add `count_for(number of live leases)` leases; return how many were added.

        Their ids are `launch_id/0`, `launch_id/1`, …; expired leases are removed.
        """
        ...

    def heartbeat(self, lease_id: str, *, expires_in_s: float) -> None:
        """Renew (or take) the lease until `expires_in_s` from now."""
        ...

    def release(self, lease_ids: Sequence[str]) -> None:
        """Give leases up; twice equals once."""
        ...

    def live(self) -> int:
        """Return how many leases are held and not expired."""
        ...

    def held(self) -> dict[str, datetime]:
        """Return every lease that was not given up, and when it expires or expired."""
        ...

    def report(self, lease_id: str, report: Mapping[str, Any] | None) -> None:
        """Replace the report of the task with this lease; None deletes it."""
        ...

    def reports(self) -> dict[str, Mapping[str, Any]]:
        """Return the latest report of every task, by lease id; a killed task's report stays, so check its time."""
        ...
