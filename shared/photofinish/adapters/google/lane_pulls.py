"""Pulls from both lanes of the queue, without waiting for one that is empty."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from photofinish.domain.lanes import Lane, LaneTurns
from photofinish.ports import LeasedWork

log = logging.getLogger(__name__)
# How long one request waits for a message; ending a task waits as long.
_REQUEST_S = 3.0
# How long a lane whose turn it is may take to answer before the other one is taken. Only one that brought something
# when it was asked last is waited for.
_ANSWERS_IN_S = 0.2
# Messages that came ahead of their pull by more than this are renewed first; the shortest ack deadline is 10 s.
_FRESH_S = 5.0

Request = Callable[[Lane, int, float], list[LeasedWork]]
"""`request(lane, max_items, timeout_s)`."""
Renew = Callable[[Lane, Sequence[LeasedWork]], list[LeasedWork]]
"""`renew(lane, works)` returns those that are still leased."""


@dataclass(slots=True)
class _LaneState:
    under_way: Future[list[LeasedWork]] | None = None
    answers: bool = True
    """Whether the last request brought something, or none was made yet."""
    came: list[LeasedWork] = field(default_factory=list)
    came_at: float = 0.0


class LanePulls:
    """One pull at a time over two subscriptions; requests to an empty one go on meanwhile.

    Pub/Sub answers a pull when there is a message, or not at all, so each lane has a request of its own in a thread, at
    most one. What an empty lane's request brings in the end waits for the next pull. One thread may use it.
    """

    def __init__(self, request: Request, renew: Renew, *, now: Callable[[], float] = time.monotonic) -> None:
        self._request = request
        self._renew = renew
        self._now = now
        self._turns = LaneTurns()
        self._lanes = {lane: _LaneState() for lane in Lane}
        self._executor = ThreadPoolExecutor(len(self._lanes), thread_name_prefix="pull")

    def pull(self, max_items: int, *, timeout_s: float) -> list[LeasedWork]:
        """Return up to `max_items` of the lane whose turn it is, or else of the other; see :meth:`WorkQueue.pull`."""
        give_up_at = self._now() + timeout_s
        while True:
            for lane in self._turns.order():
                if taken := self._take(lane, max_items):
                    self._turns.took(lane, len(taken))
                    return taken
            left_s = give_up_at - self._now()
            if left_s <= 0:
                return []
            under_way = [state.under_way for state in self._lanes.values() if state.under_way]
            wait(under_way, left_s, return_when=FIRST_COMPLETED)

    def drain(self) -> list[LeasedWork]:
        """Wait for the requests that are under way; return what they bring, and what came ahead."""
        brought: list[LeasedWork] = []
        for lane, state in self._lanes.items():
            if state.under_way is not None:
                wait([state.under_way])
                try:
                    self._receive(state)
                except Exception as error:  # noqa: BLE001 - whatever it is, nothing was leased
                    log.warning("a last pull brought nothing: %s", error)
            brought += self._still_leased(lane, state)
            state.came = []
        return brought

    def _take(self, lane: Lane, max_items: int) -> list[LeasedWork]:
        """Return what the lane has; if nothing, leave a request under way."""
        state = self._lanes[lane]
        if not state.came:
            if state.under_way is None:
                state.under_way = self._executor.submit(self._request, lane, max_items, _REQUEST_S)
                if state.answers:
                    wait([state.under_way], _ANSWERS_IN_S)
            if not state.under_way.done():
                state.answers = False
                return []
            self._receive(state)
            if not state.came:
                state.under_way = self._executor.submit(self._request, lane, max_items, _REQUEST_S)
                return []
        ready = self._still_leased(lane, state)
        state.came = ready[max_items:]
        return ready[:max_items]

    def _receive(self, state: _LaneState) -> None:
        assert state.under_way is not None
        request, state.under_way = state.under_way, None
        state.answers = False
        state.came = request.result()
        state.answers = bool(state.came)
        state.came_at = self._now()

    def _still_leased(self, lane: Lane, state: _LaneState) -> list[LeasedWork]:
        if not state.came or self._now() - state.came_at <= _FRESH_S:
            return state.came
        ready = self._renew(lane, state.came)
        state.came_at = self._now()
        return ready
