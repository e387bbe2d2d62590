"""What a task holds while it works: the messages that it pulled, and its task lease."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from photofinish.clocks import Clock, SystemClock
from photofinish.domain.photo import PhotoRef
from photofinish.errors import Unavailable
from photofinish.ports import LeasedWork, TaskLeases, WorkQueue

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Pulls and returns messages; meanwhile their ack deadlines are extended, and the task lease is renewed.

    Both happen well before either expires. The lease expires after three missed heartbeats: long enough for a hiccup,
    and soon after a task is killed. A message that is held too long, without progress, belongs to a photo on which the
    task hangs: then nothing is renewed any more, so that another task takes over, and `on_hanging` is called, which
    ends this one.
    """

    def __init__(
        self,
        queue: WorkQueue,
        leases: TaskLeases,
        lease_id: str,
        *,
        ack_deadline_s: int,
        heartbeat_s: float,
        hold_limit_s: float = math.inf,
        on_hanging: Callable[[Sequence[PhotoRef]], object] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self.leases = leases
        self.lease_id = lease_id
        self.clock: Clock = clock or SystemClock()
        self._queue = queue
        self._ack_deadline_s = ack_deadline_s
        self._heartbeat_s = heartbeat_s
        self._hold_limit_s = hold_limit_s
        self._on_hanging = on_hanging
        self._held: dict[str, tuple[LeasedWork, float]] = {}
        """Ack id → message, and since when it is held, or when its analysis last progressed."""
        self._holds_lease = False
        self._is_hanging = False
        self._lock = threading.Lock()
        self._renewing = ExitStack()

    def __enter__(self) -> Self:
        self.take_lease()
        interval_s = min(self._heartbeat_s, self._ack_deadline_s / 3)
        self._renewing.enter_context(self.clock.every(interval_s, self._renew, name="lease-keeper"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if last := self._queue.drain():
                self.give_back(last)
        except Exception as failure:
            unexpected = not isinstance(failure, Unavailable)
            log.warning("could not give back what came last; the ack deadline will: %s", failure, exc_info=unexpected)
        finally:
            self._renewing.close()
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
        return self._hold(self._queue.pull(max_items, timeout_s=timeout_s))

    def drain(self) -> list[LeasedWork]:
        """Hold what pulls under way still bring; afterwards nothing is leased that is not held."""
        return self._hold(self._queue.drain())

    def _hold(self, works: list[LeasedWork]) -> list[LeasedWork]:
        now = self.clock.now()
        with self._lock:
            self._held |= {work.ack_id: (work, now) for work in works}
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
            for work in works:
                self._held.pop(work.ack_id, None)

    def progressed(self, work: LeasedWork) -> None:
        """Note that the analysis of this message goes on: it is not hanging, however long it takes."""
        with self._lock:
            if work.ack_id in self._held:
                self._held[work.ack_id] = work, self.clock.now()

    def _renew(self) -> None:
        if self._is_hanging:
            return
        # One must not fail because of the other, and no error may end the renewing: nothing would notice that.
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
            held = sorted(self._held.items())
        began = self.clock.now() - self._hold_limit_s
        hanging = [work.item.photo for _, (work, since) in held if since < began]
        if hanging:
            self._is_hanging = True
            self._on_hanging(hanging)
        elif held:
            self._queue.extend([ack_id for ack_id, _ in held], deadline_s=self._ack_deadline_s)
