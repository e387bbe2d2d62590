"""Pulls from two lanes whose requests are answered, or not, as each test decides."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from photofinish.adapters.google.lane_pulls import LanePulls
from photofinish.domain.lanes import Lane
from photofinish.domain.photo import PhotoRef
from photofinish.ports import LeasedWork, WorkItem
from support.waiting import DEADLINE_S, wait_until

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
Answer = Sequence[str] | Exception


def work(ack_id: str) -> LeasedWork:
    photo = PhotoRef(bucket="b", name=f"race/{ack_id}.jpg", generation=1)
    item = WorkItem(photo=photo, trace_id="t", uploaded_at=NOW)
    return LeasedWork(item=item, ack_id=ack_id, delivery_attempt=1, published_at=NOW)


class Service:
    """Answers a request when the test has put an answer for its lane, as a pull of Pub/Sub does."""

    def __init__(self) -> None:
        self.answers: dict[Lane, queue.Queue[Answer]] = {lane: queue.Queue() for lane in Lane}
        self.asked: list[tuple[Lane, int]] = []
        self.open: dict[Lane, int] = dict.fromkeys(Lane, 0)
        self.renewed: list[list[str]] = []
        self.expired: set[str] = set()
        self.now = 0.0
        self.lock = threading.Lock()
        self.pulls = LanePulls(self.request, self.renew, now=lambda: self.now + time.monotonic())

    def request(self, lane: Lane, max_items: int, timeout_s: float) -> list[LeasedWork]:
        assert timeout_s < 10, "a task that ends waits for it"
        with self.lock:
            self.asked.append((lane, max_items))
            self.open[lane] += 1
            assert self.open[lane] == 1, "a lane has one request at most"
        try:
            answer = self.answers[lane].get(timeout=DEADLINE_S)
        finally:
            with self.lock:
                self.open[lane] -= 1
        if isinstance(answer, Exception):
            raise answer
        return [work(ack_id) for ack_id in answer]

    def renew(self, lane: Lane, works: Sequence[LeasedWork]) -> list[LeasedWork]:
        self.renewed.append([one.ack_id for one in works])
        return [one for one in works if one.ack_id not in self.expired]

    def pull(self, max_items: int = 2, *, timeout_s: float = DEADLINE_S) -> list[str]:
        return [one.ack_id for one in self.pulls.pull(max_items, timeout_s=timeout_s)]

    def has_arrived(self, lane: Lane) -> None:
        """Wait until a lane's answer was read, and its request ended."""
        wait_until(lambda: self.answers[lane].empty() and self.open[lane] == 0, "the answer arrives")
        under_way = self.pulls._lanes[lane].under_way
        assert under_way is not None
        wait_until(under_way.done, "the request ends")


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    for lane in Lane:  # whatever still waits ends
        for _ in range(2):
            made.answers[lane].put([])
    made.pulls.drain()


def test_an_empty_lane_does_not_hold_up_the_other(service: Service) -> None:
    for number in range(4):
        service.answers[Lane.BULK].put([f"b{number}"])
        assert service.pull() == [f"b{number}"]
    prompt = [lane for lane, _ in service.asked if lane is Lane.PROMPT]
    assert len(prompt) == 1, "the empty lane's request goes on"


def test_what_comes_while_the_other_lane_is_analysed_is_next(service: Service) -> None:
    service.answers[Lane.BULK].put(["b1"])
    assert service.pull() == ["b1"]
    service.answers[Lane.PROMPT].put(["p1", "p2", "p3"])
    service.has_arrived(Lane.PROMPT)
    service.answers[Lane.BULK].put(["b2"])
    assert service.pull() == ["p1", "p2"]
    assert service.pull(1) == ["p3"], "never more than asked for"
    assert service.pull() == ["b2"]


def test_a_pull_ends_when_either_lane_brings_something(service: Service) -> None:
    for lane, ack_id in ((Lane.PROMPT, "p"), (Lane.BULK, "b")):
        threading.Timer(0.05, service.answers[lane].put, [[ack_id]]).start()
        assert service.pull() == [ack_id]


def test_a_request_that_ended_empty_is_made_again(service: Service) -> None:
    assert service.pull(timeout_s=0.01) == []
    service.answers[Lane.PROMPT].put([])
    service.has_arrived(Lane.PROMPT)
    assert service.pull(timeout_s=0.01) == []
    assert [lane for lane, _ in service.asked] == [Lane.PROMPT, Lane.BULK, Lane.PROMPT]


def test_a_failed_request_is_told_and_made_again(service: Service) -> None:
    service.answers[Lane.PROMPT].put(ConnectionError("reset"))
    with pytest.raises(ConnectionError):
        service.pull()
    service.answers[Lane.PROMPT].put(["p"])
    assert service.pull() == ["p"]


def test_what_waited_for_its_pull_is_renewed_and_what_expired_is_left_out(service: Service) -> None:
    service.answers[Lane.BULK].put(["b1"])
    assert service.pull() == ["b1"]
    service.answers[Lane.PROMPT].put(["p1", "p2"])
    service.has_arrived(Lane.PROMPT)
    assert service.pull(1) == ["p1"]
    assert service.renewed == [], "it has just come"
    service.now += 30
    service.expired = {"p2"}
    service.answers[Lane.BULK].put(["b2"])
    assert service.pull() == ["b2"]
    assert service.renewed == [["p2"]]


def test_the_last_messages_are_drained(service: Service) -> None:
    assert service.pull(timeout_s=0.01) == []
    service.answers[Lane.PROMPT].put(["p1", "p2"])
    service.has_arrived(Lane.PROMPT)
    assert service.pull(1) == ["p1"]
    threading.Timer(0.05, service.answers[Lane.BULK].put, [["b1"]]).start()
    assert [one.ack_id for one in service.pulls.drain()] == ["p2", "b1"]
    assert service.pulls.drain() == []


def test_a_failure_costs_nothing_that_the_other_lane_brought(service: Service) -> None:
    assert service.pull(timeout_s=0.01) == []
    service.answers[Lane.PROMPT].put(ConnectionError("reset"))
    service.answers[Lane.BULK].put(["b1"])
    assert [one.ack_id for one in service.pulls.drain()] == ["b1"]


def test_a_pull_ends_when_its_time_is_over(service: Service) -> None:
    clock = iter([0.0, 5.0])
    pulls = LanePulls(service.request, service.renew, now=lambda: next(clock))
    assert pulls.pull(2, timeout_s=5.0) == []
    for lane in Lane:
        service.answers[lane].put([])
    pulls.drain()
