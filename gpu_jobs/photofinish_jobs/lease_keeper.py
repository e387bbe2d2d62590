"""Keeps what a task holds while it works: the ack deadlines of its messages, and its place among the running tasks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from photofinish.errors import Unavailable
from photofinish.ports import TaskLeases, WorkQueue

log = logging.getLogger(__name__)


class Keeper:
    """A background thread that extends deadlines and beats the heart, well before either runs out.

    A place expires after three missed heartbeats: enough for a hiccup, and soon after a killed task.
    """

    def __init__(
        self, queue: WorkQueue, leases: TaskLeases, place: str, *, ack_deadline_s: int, heartbeat_s: float
    ) -> None:
        self._queue = queue
        self._leases = leases
        self._place = place
        self._ack_deadline_s = ack_deadline_s
        self._heartbeat_s = heartbeat_s
        self._interval_s = min(heartbeat_s, ack_deadline_s / 3)
        self._ack_ids: set[str] = set()
        self._holds_place = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        self.take_place()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        if self._holds_place:
            self.give_up_place()

    def take_place(self) -> None:
        """Hold the task's place from now on."""
        with self._lock:
            self._holds_place = True
        self._leases.heartbeat(self._place, expires_in_s=3 * self._heartbeat_s)

    def give_up_place(self) -> None:
        """Let another task be started in this one's stead."""
        with self._lock:
            self._holds_place = False
            self._leases.release([self._place])

    def hold(self, ack_ids: Iterable[str]) -> None:
        """Extend the deadlines of these messages until they are dropped."""
        with self._lock:
            self._ack_ids |= set(ack_ids)

    def drop(self, ack_ids: Iterable[str]) -> None:
        """Extend these no more: they were acknowledged or given back."""
        with self._lock:
            self._ack_ids -= set(ack_ids)

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            # One failing must not cost the other, and none may end this thread: the task works on without knowing.
            for keep in (self._beat, self._extend):
                try:
                    keep()
                except Exception as error:
                    log.warning(
                        "could not keep what is held, trying again: %s",
                        error,
                        exc_info=not isinstance(error, Unavailable),
                    )

    def _beat(self) -> None:
        with self._lock:
            if self._holds_place:
                self._leases.heartbeat(self._place, expires_in_s=3 * self._heartbeat_s)

    def _extend(self) -> None:
        with self._lock:
            ack_ids = sorted(self._ack_ids)
        if ack_ids:
            self._queue.extend(ack_ids, deadline_s=self._ack_deadline_s)
