"""What a task holds while it works: the messages that it pulled, and its task lease."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from photofinish.errors import Unavailable
from photofinish.ports import LeasedWork, TaskLeases, WorkQueue

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Pulls and returns messages; a background thread extends their ack deadlines and heartbeats the task lease.

    Both happen well before either expires. The lease expires after three missed heartbeats: long enough for a hiccup,
    and soon after a task is killed.
    """

    def __init__(
        self, queue: WorkQueue, leases: TaskLeases, lease_id: str, *, ack_deadline_s: int, heartbeat_s: float
    ) -> None:
        self.leases = leases
        self.lease_id = lease_id
        self._queue = queue
        self._ack_deadline_s = ack_deadline_s
        self._heartbeat_s = heartbeat_s
        self._interval_s = min(heartbeat_s, ack_deadline_s / 3)
        self._ack_ids: set[str] = set()
        self._holds_lease = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def __enter__(self) -> Self:
        self.take_lease()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        if self._holds_lease:
            self.release_lease()

    def take_lease(self) -> None:
        """Hold the task lease from now on."""
        with self._lock:
            self._holds_lease = True
        self.leases.heartbeat(self.lease_id, expires_in_s=3 * self._heartbeat_s)

    def release_lease(self) -> None:
        """Release the task lease, so that another task can be started instead."""
        with self._lock:
            self._holds_lease = False
            self.leases.release([self.lease_id])

    def pull(self, max_items: int, *, timeout_s: float) -> list[LeasedWork]:
        """Pull messages and hold them until they are acknowledged or given back; see :meth:`WorkQueue.pull`."""
        works = self._queue.pull(max_items, timeout_s=timeout_s)
        with self._lock:
            self._ack_ids |= {work.ack_id for work in works}
        return works

    def ack(self, works: Sequence[LeasedWork]) -> None:
        """Acknowledge messages: they are done."""
        self._queue.ack([work.ack_id for work in works])
        self.forget(works)

    def give_back(self, works: Sequence[LeasedWork]) -> None:
        """Return messages to the queue, which delivers them again."""
        self.forget(works)
        self._queue.extend([work.ack_id for work in works], deadline_s=0)

    def forget(self, works: Sequence[LeasedWork]) -> None:
        """Stop extending the deadlines of messages; the queue delivers them again when these end."""
        with self._lock:
            self._ack_ids -= {work.ack_id for work in works}

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            # One must not fail because of the other, and no error may end this thread: nothing would notice that.
            for keep in (self._heartbeat, self._extend):
                try:
                    keep()
                except Exception as error:
                    unexpected = not isinstance(error, Unavailable)
                    log.warning("could not renew leases, trying again: %s", error, exc_info=unexpected)

    def _heartbeat(self) -> None:
        with self._lock:
            if self._holds_lease:
                self.leases.heartbeat(self.lease_id, expires_in_s=3 * self._heartbeat_s)

    def _extend(self) -> None:
        with self._lock:
            ack_ids = sorted(self._ack_ids)
        if ack_ids:
            self._queue.extend(ack_ids, deadline_s=self._ack_deadline_s)
