"""The work of analysing: its queue, the tasks that do it, and word of what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from photofinish.domain.photo import PhotoRef, PhotoStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One photo to analyse, as the queue carries it."""

    photo: PhotoRef
    trace_id: str
    uploaded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedWork:
    """A work item that is ours until its ack deadline, which :meth:`WorkQueue.extend` moves."""

    item: WorkItem
    ack_id: str = field(repr=False)
    delivery_attempt: int
    published_at: datetime


class WorkQueue(Protocol):
    """The durable queue of photos to analyse: at least once, in no order."""

    def publish(self, items: Sequence[WorkItem]) -> None:
        """Queue `items`; returns once all are durable."""
        ...

    def pull(self, max_items: int, *, timeout_s: float) -> list[LeasedWork]:
        """Up to `max_items`; waits at most about `timeout_s` for the first; empty when there was none.

        A message that is no work item is acknowledged and logged: it can never become one.
        """
        ...

    def extend(self, ack_ids: Sequence[str], *, deadline_s: int) -> None:
        """Keep these leases for `deadline_s` more seconds; 0 gives them back at once."""
        ...

    def ack(self, ack_ids: Sequence[str]) -> None:
        """These are done and are not delivered again (at least once: they may be, rarely)."""
        ...


class ResultEvents(Protocol):
    """Tells the world that a photo reached a final status."""

    def publish_result(self, photo: PhotoRef, status: PhotoStatus) -> None:
        """Publish, durably, at least once, without anything biometric in it."""
        ...


class JobLauncher(Protocol):
    """Starts executions of the analysis job."""

    def launch(self, *, task_count: int, env: Mapping[str, str]) -> str:
        """Start one execution of `task_count` tasks with `env` added; returns its name without waiting for its end."""
        ...


class TaskLeases(Protocol):
    """Which analysis tasks run: one lease a task, with a heartbeat and an expiry."""

    def reserve(self, count_for: Callable[[int], int], *, launch_id: str, expires_in_s: float) -> int:
        """In one transaction, add `count_for(number of live leases)` leases and return how many these are.

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
        """How many leases are held and not expired."""
        ...

    def report(self, lease_id: str, report: Mapping[str, Any] | None) -> None:
        """Replace the report of the task with this lease; None deletes it."""
        ...

    def reports(self) -> dict[str, Mapping[str, Any]]:
        """The latest report of every task, by lease id; a killed task's report stays, so check its time."""
        ...
