"""The work of analysing in memory: its queue, its tasks, its results."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from photofinish.clocks import Clock, SystemClock
from photofinish.domain.gpu_quota import GpuState
from photofinish.domain.lanes import Lane, LaneTurns
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.errors import GpuRefused
from photofinish.ports import LeasedWork, WorkItem


@dataclass(slots=True)
class _Message:
    item: WorkItem
    lane: Lane
    published_at: datetime
    attempts: int = 0
    ack_id: str = ""
    leased_until: float = 0.0


class MemoryWorkQueue:
    """A queue with leases; items that were given back are delivered again after `retry_delay_s`.

    A `complete` queue expects nothing more while it is pulled: once all is acknowledged, a pull does not wait.
    """

    def __init__(
        self,
        ack_deadline_s: float = 10.0,
        retry_delay_s: float = 0.0,
        *,
        complete: bool = False,
        max_attempts: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        """After `max_attempts` deliveries an item becomes one of the `dead_letters` (None: never)."""
        self.dead_letters: list[WorkItem] = []
        self._max_attempts = max_attempts
        self._clock = clock or SystemClock()
        self._ack_deadline_s = ack_deadline_s
        self._retry_delay_s = retry_delay_s
        self._complete = complete
        self._messages: list[_Message] = []
        self._turns = LaneTurns()
        self._ack_ids = itertools.count(1)
        self._changed = threading.Condition()

    def publish(self, items: Sequence[WorkItem], *, lane: Lane = Lane.PROMPT) -> None:
        with self._changed:
            self._messages += [_Message(item, lane, datetime.now(UTC)) for item in items]
            self._changed.notify_all()

    def pull(self, max_items: int, *, timeout_s: float) -> list[LeasedWork]:
        give_up_at = self._clock.now() + timeout_s
        with self._changed:
            while True:
                now = self._clock.now()
                self._bury_dead(now)
                free = self._next([message for message in self._messages if message.leased_until <= now])[:max_items]
                if free or now >= give_up_at or (self._complete and not self._messages):
                    if free:
                        self._turns.took(free[0].lane, len(free))
                    return [self._lease(message, now) for message in free]
                next_free = min((message.leased_until for message in self._messages), default=give_up_at)
                self._clock.wait(self._changed, max(0.001, min(give_up_at, next_free) - now))

    def _next(self, free: Sequence[_Message]) -> list[_Message]:
        """Return the free messages of the lane whose turn it is."""
        waiting = {message.lane for message in free}
        lane = next((one for one in self._turns.order() if one in waiting), None)
        return [message for message in free if message.lane is lane]

    def drain(self) -> list[LeasedWork]:
        return []  # a pull leases nothing ahead

    def extend(self, ack_ids: Sequence[str], *, deadline_s: int) -> None:
        with self._changed:
            for message in self._messages:
                if message.ack_id in ack_ids:
                    message.leased_until = self._clock.now() + (deadline_s or self._retry_delay_s)
            self._changed.notify_all()

    def ack(self, ack_ids: Sequence[str]) -> None:
        with self._changed:
            self._messages = [message for message in self._messages if message.ack_id not in ack_ids]
            self._changed.notify_all()

    def __len__(self) -> int:
        """Return how many messages are not acknowledged."""
        return len(self._messages)

    def _bury_dead(self, now: float) -> None:
        for message in list(self._messages):
            if message.attempts == self._max_attempts and message.leased_until <= now:
                self._messages.remove(message)
                self.dead_letters.append(message.item)

    def _lease(self, message: _Message, now: float) -> LeasedWork:
        message.attempts += 1
        message.ack_id = str(next(self._ack_ids))
        message.leased_until = now + self._ack_deadline_s
        return LeasedWork(
            item=message.item,
            ack_id=message.ack_id,
            delivery_attempt=message.attempts,
            published_at=message.published_at,
        )


class MemoryResultEvents:
    """Records what is published."""

    def __init__(self) -> None:
        self.published: list[tuple[PhotoRef, PhotoStatus]] = []

    def publish_result(self, photo: PhotoRef, status: PhotoStatus) -> None:
        self.published.append((photo, status))


class MemoryJobLauncher:
    """Records what is launched; refuses GPUs while `gpu_quota` says so."""

    def __init__(self) -> None:
        self.launched: list[tuple[int, dict[str, str]]] = []
        self.cancelled: list[str] = []
        self.refused_launches = 0
        self.gpu_quota: str | None = None
        """Why RunJob refuses GPUs; None: it does not."""
        self.refusals: dict[str, str] = {}
        """Why executions that were accepted got no GPU."""

    def launch(self, *, task_count: int, env: Mapping[str, str]) -> str:
        if self.gpu_quota is not None:
            self.refused_launches += 1
            raise GpuRefused(self.gpu_quota)
        self.launched.append((task_count, dict(env)))
        return f"execution-{len(self.launched)}"

    def refusal(self, execution: str) -> str | None:
        return self.refusals.get(execution)

    def cancel(self, execution: str) -> None:
        self.cancelled.append(execution)


class MemoryGpuStates:
    """A state in a variable."""

    def __init__(self) -> None:
        self._state = GpuState()

    def read(self) -> GpuState:
        return self._state

    def update(self, change: Callable[[GpuState], GpuState]) -> GpuState:
        self._state = change(self._state)
        return self._state


class MemoryTaskLeases:
    """Leases in a dictionary."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._expires_at: dict[str, float] = {}
        self._reports: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()

    def reserve(self, count_for: Callable[[int], int], *, launch_id: str, expires_in_s: float) -> int:
        with self._lock:
            now = self._clock.now()
            self._expires_at = {lease_id: at for lease_id, at in self._expires_at.items() if at > now}
            count = count_for(len(self._expires_at))
            self._expires_at |= {f"{launch_id}/{index}": now + expires_in_s for index in range(count)}
            return count

    def heartbeat(self, lease_id: str, *, expires_in_s: float) -> None:
        with self._lock:
            self._expires_at[lease_id] = self._clock.now() + expires_in_s

    def release(self, lease_ids: Sequence[str]) -> None:
        with self._lock:
            for lease_id in lease_ids:
                self._expires_at.pop(lease_id, None)

    def live(self) -> int:
        now = self._clock.now()
        return sum(at > now for at in self._expires_at.values())

    def held(self) -> dict[str, datetime]:
        now = self._clock.now()
        with self._lock:
            return {
                lease_id: datetime.now(UTC) + timedelta(seconds=at - now) for lease_id, at in self._expires_at.items()
            }

    def report(self, lease_id: str, report: Mapping[str, Any] | None) -> None:
        with self._lock:
            self._reports.pop(lease_id, None)
            if report is not None:
                self._reports[lease_id] = copy.deepcopy(dict(report))

    def reports(self) -> dict[str, Mapping[str, Any]]:
        with self._lock:
            return dict(self._reports)
