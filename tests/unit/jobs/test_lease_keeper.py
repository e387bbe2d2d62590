"""Leases are renewed as long as a task works, whatever fails for a moment, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from photofinish.adapters.memory.clock import VirtualClock
from photofinish.adapters.memory.failing import before_call
from photofinish.adapters.memory.work import MemoryTaskLeases, MemoryWorkQueue
from photofinish.domain.photo import PhotoRef
from photofinish.ports import LeasedWork
from photofinish_jobs.lease_keeper import LeaseKeeper
from support.pipeline import MemoryCloud, toy_photo
from support.waiting import DEADLINE_S

ACK_DEADLINE_S, HEARTBEAT_S, HOUR_S = 60, 10.0, 3600.0


class Held:
    """A keeper in virtual time, and the queue as another task sees it."""

    def __init__(self, photos: int = 3, *, hold_limit_s: float = 2 * HOUR_S) -> None:
        self.clock = VirtualClock()
        self.queue = MemoryWorkQueue(ACK_DEADLINE_S, clock=self.clock)
        self.leases = MemoryTaskLeases(self.clock)
        self.hanging: list[Sequence[PhotoRef]] = []
        cloud = MemoryCloud(queue=self.queue)
        for number in range(photos):
            cloud.drop(f"race/{number}.jpg", toy_photo())
        self.keeper = LeaseKeeper(
            self.queue,
            self.leases,
            "test/0",
            ack_deadline_s=ACK_DEADLINE_S,
            heartbeat_s=HEARTBEAT_S,
            hold_limit_s=hold_limit_s,
            on_hanging=self.hanging.append,
            clock=self.clock,
        )

    def pull_by_other(self) -> list[LeasedWork]:
        return self.queue.pull(10, timeout_s=0)


@pytest.fixture
def held() -> Held:
    return Held()


def test_what_is_held_is_delivered_to_no_other_for_an_hour_and_the_lease_stays(held: Held) -> None:
    with held.keeper:
        assert len(held.keeper.pull(2, timeout_s=1)) == 2
        for _ in range(360):
            held.clock.advance(10)
            assert held.leases.live() == 1
            others = held.pull_by_other()
            assert len(others) <= 1, "a held message was delivered again"
            held.queue.ack([work.ack_id for work in others])
        assert len(held.queue) == 2
    assert held.leases.live() == 0, "the lease is released at the end"


def test_what_was_held_comes_again_soon_after_its_task_ended(held: Held) -> None:
    with held.keeper:
        held.keeper.pull(3, timeout_s=1)
        held.clock.advance(300)
    held.clock.advance(ACK_DEADLINE_S - HEARTBEAT_S - 1)
    assert held.pull_by_other() == [], "extended by less than a deadline"
    held.clock.advance(HEARTBEAT_S + 1)
    assert len(held.pull_by_other()) == 3


def test_the_lease_of_a_killed_task_lasts_three_heartbeats(held: Held) -> None:
    held.keeper.take_lease()  # and nothing renews it
    held.clock.advance(3 * HEARTBEAT_S - 0.1)
    assert held.leases.live() == 1
    held.clock.advance(0.2)
    assert held.leases.live() == 0


def test_the_lease_survives_two_missed_heartbeats(held: Held) -> None:
    with held.keeper:
        beats: list[str] = []
        before_call(held.leases.heartbeat, lambda lease_id, **_: fail_twice(beats, lease_id))
        for _ in range(60):
            held.clock.advance(1)
            assert held.leases.live() == 1
    assert len(beats) == 6


def fail_twice(beats: list[str], lease_id: str) -> None:
    beats.append(lease_id)
    if len(beats) <= 2:
        raise RuntimeError("an unexpected error")


def test_a_released_lease_is_not_taken_again_by_a_heartbeat(held: Held) -> None:
    with held.keeper:
        held.keeper.release_lease()
        held.clock.advance(100)
        assert held.leases.live() == 0
        held.keeper.take_lease()
        held.clock.advance(100)
        assert held.leases.live() == 1


def test_what_is_given_back_comes_at_once_and_what_is_acknowledged_never(held: Held) -> None:
    with held.keeper:
        first, second, third = held.keeper.pull(3, timeout_s=1)
        held.keeper.give_back([first])
        held.keeper.ack([second])
        assert [work.item for work in held.pull_by_other()] == [first.item]
        held.keeper.forget([third])
        held.clock.advance(ACK_DEADLINE_S + 1)
        assert third.item in [work.item for work in held.pull_by_other()], "it is extended no more"
    assert len(held.queue) == 2


def test_what_pulls_under_way_bring_at_the_end_is_given_back(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    with held.keeper:
        monkeypatch.setattr(held.queue, "drain", lambda: held.queue.pull(2, timeout_s=0))
    assert len(held.pull_by_other()) == 3
    assert held.leases.live() == 0


def test_what_is_drained_is_held(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held.queue, "drain", lambda: held.queue.pull(3, timeout_s=0))
    with held.keeper:
        assert len(held.keeper.drain()) == 3
        held.clock.advance(3 * ACK_DEADLINE_S)
        assert held.pull_by_other() == []
        monkeypatch.undo()


def test_a_failing_drain_keeps_no_lease(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held.queue, "drain", lambda: fail_twice([], "drain"))
    with held.keeper:
        assert held.leases.live() == 1
    assert held.leases.live() == 0


def test_deadlines_are_extended_to_their_whole_length(held: Held) -> None:
    extended: list[int] = []
    before_call(held.queue.extend, lambda _, *, deadline_s: extended.append(deadline_s))
    with held.keeper:
        held.clock.advance(100)
        assert extended == [], "nothing is held"
        held.keeper.pull(1, timeout_s=1)
        held.clock.advance(100)
    assert extended == [ACK_DEADLINE_S] * 10


def test_a_task_that_hangs_on_a_photo_renews_nothing_any_more() -> None:
    held = Held(hold_limit_s=900)
    with held.keeper:
        hung, other = held.keeper.pull(2, timeout_s=1)
        held.clock.advance(800)
        held.keeper.ack([other])
        [late] = held.keeper.pull(1, timeout_s=1)
        held.clock.advance(90)
        assert held.hanging == []
        held.clock.advance(20)
        assert held.hanging == [[hung.item.photo]]
        held.clock.advance(ACK_DEADLINE_S)
        assert {work.item for work in held.pull_by_other()} == {hung.item, late.item}
        assert held.leases.live() == 0
        assert len(held.hanging) == 1, "it is told once"


def test_a_failing_heartbeat_costs_no_deadline_and_does_not_end_the_thread() -> None:
    """With the clock of this machine."""
    cloud, leases = MemoryCloud(), MemoryTaskLeases()
    cloud.drop("race/1.jpg", toy_photo())
    beats: list[str] = []
    extended = threading.Semaphore(0)

    def beat(lease_id: str, **_: float) -> None:
        beats.append(lease_id)
        if len(beats) > 1:  # the first takes the lease
            raise RuntimeError("an unexpected error")

    before_call(leases.heartbeat, beat)
    before_call(cloud.queue.extend, lambda *_, **__: extended.release())
    with LeaseKeeper(cloud.queue, leases, "test/0", ack_deadline_s=10, heartbeat_s=0.01) as keeper:
        keeper.pull(1, timeout_s=1)
        for _ in range(3):
            assert extended.acquire(timeout=DEADLINE_S), "deadlines are no longer extended"
    assert len(beats) > 2
