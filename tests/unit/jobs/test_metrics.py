"""What a task reports about its stages."""

from __future__ import annotations

import threading

from photofinish.adapters.memory.failing import before_call, fail_once
from photofinish.adapters.memory.work import MemoryTaskLeases
from photofinish.errors import Unavailable
from photofinish_jobs.metrics import Metrics, Reporter
from support.waiting import DEADLINE_S


def test_figures_cover_the_time_since_the_last_report() -> None:
    metrics = Metrics()
    metrics.watch("fetch", lambda: 3)
    for _ in range(4):
        metrics.add("fetch", 10)
    metrics.add_all({"read": 100, "decode": 5})
    figures = metrics.report()
    assert [one.stage for one in figures] == ["fetch", "decode", "read"], "in processing order"
    assert [(one.photos, one.ms_per_photo, one.waiting) for one in figures] == [
        (4, 10, 3),
        (1, 5, None),
        (1, 100, None),
    ]
    assert figures[0].photos_per_s > 0
    metrics.add("fetch", 30)
    fetch, decode, _ = metrics.report()
    assert (fetch.photos, fetch.ms_per_photo) == (5, 30)
    assert (decode.photos, decode.photos_per_s, decode.ms_per_photo) == (1, 0, 5), (
        "nothing new: the figure of the whole task"
    )


def test_a_reporter_publishes_figures_and_deletes_them_at_the_end() -> None:
    leases, metrics, attempts = MemoryTaskLeases(), Metrics(), threading.Semaphore(0)
    fail_once(leases.report, Unavailable("Firestore is unavailable for a moment"))
    before_call(leases.report, lambda *_: attempts.release())
    metrics.add("decode", 7)
    metrics.add_retries(2)
    with Reporter(metrics, leases, "run/0", every_s=0.01):
        for _ in range(3):  # the third begins after the second is through
            assert attempts.acquire(timeout=DEADLINE_S), "nothing is reported after a failure"
        (stage,) = leases.reports()["run/0"]["stages"]
        assert (stage["stage"], stage["photos"]) == ("decode", 1)
        assert leases.reports()["run/0"]["retries"] == 2
    assert leases.reports() == {}
