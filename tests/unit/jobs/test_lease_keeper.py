"""What a task holds is kept as long as it works, whatever fails for a moment."""

from __future__ import annotations

import threading

from photofinish.adapters.memory.pipeline import MemoryTaskLeases, MemoryWorkQueue
from photofinish_jobs.keeper import Keeper


def test_a_failing_heartbeat_costs_no_deadline_and_does_not_end_the_keeper() -> None:
    queue, leases = MemoryWorkQueue(), MemoryTaskLeases()
    beats: list[str] = []
    extended = threading.Semaphore(0)

    def heartbeat(place: str, *, expires_in_s: float) -> None:
        beats.append(place)
        if len(beats) > 1:  # the first takes the place
            raise RuntimeError("not an error that anybody expected")

    leases.heartbeat = heartbeat  # type: ignore[method-assign]
    queue.extend = lambda ack_ids, deadline_s: extended.release()  # type: ignore[method-assign,misc]
    with Keeper(queue, leases, "test/0", ack_deadline_s=10, heartbeat_s=0.01) as keeper:
        keeper.hold(["one"])
        for _ in range(3):
            assert extended.acquire(timeout=5), "deadlines are not extended any more"
    assert len(beats) > 2
