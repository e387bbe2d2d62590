"""Leases are renewed as long as a task works, whatever fails for a moment."""

from __future__ import annotations

import threading

from photofinish.adapters.memory.failing import before_call
from photofinish.adapters.memory.work import MemoryTaskLeases
from photofinish_jobs.lease_keeper import LeaseKeeper
from support.pipeline import MemoryCloud, toy_photo
from support.waiting import DEADLINE_S


def test_a_failing_heartbeat_costs_no_deadline_and_does_not_end_the_thread() -> None:
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
