"""The promises of TaskLeases, kept by every implementation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from photofinish.adapters.google import task_leases
from photofinish.adapters.google.task_leases import FirestoreTaskLeases
from photofinish.adapters.memory.work import MemoryTaskLeases
from photofinish.ports import TaskLeases
from support.waiting import wait_until


@pytest.fixture(params=["memory", "firestore"])
def leases(request: pytest.FixtureRequest) -> TaskLeases:
    if request.param == "memory":
        return MemoryTaskLeases()
    made: FirestoreTaskLeases = request.getfixturevalue("firestore_leases")
    return made


def test_reserving_returns_the_number_of_reserved_leases(leases: TaskLeases) -> None:
    seen: list[int] = []

    def two(leased: int) -> int:
        seen.append(leased)
        return 2

    assert leases.reserve(two, launch_id="one", expires_in_s=60) == 2
    assert leases.reserve(two, launch_id="other", expires_in_s=60) == 2
    assert seen == [0, 2]
    assert leases.live() == 4


def test_reserving_nothing_changes_nothing(leases: TaskLeases) -> None:
    assert leases.reserve(lambda leased: 0, launch_id="one", expires_in_s=60) == 0
    assert leases.live() == 0


def test_a_place_expires_without_heartbeat(leases: TaskLeases) -> None:
    leases.reserve(lambda leased: 2, launch_id="one", expires_in_s=0.2)
    leases.heartbeat("one/0", expires_in_s=60)
    wait_until(lambda: leases.live() == 1, "the place without a heartbeat to expire")
    seen: list[int] = []
    leases.reserve(lambda leased: seen.append(leased) or 1, launch_id="two", expires_in_s=60)  # type: ignore[func-returns-value]
    assert seen == [1]


def test_a_heartbeat_takes_a_place_that_was_not_reserved(leases: TaskLeases) -> None:
    leases.heartbeat("by hand/0", expires_in_s=60)
    assert leases.live() == 1


def test_release_frees_and_twice_equals_once(leases: TaskLeases) -> None:
    leases.release(["never/0"])
    leases.reserve(lambda leased: 2, launch_id="one", expires_in_s=60)
    leases.release(["one/0"])
    leases.release(["one/0"])
    leases.release([])
    assert leases.live() == 1


def test_leases_that_were_not_given_up_are_held_with_the_time_of_their_end(leases: TaskLeases) -> None:
    assert leases.held() == {}
    leases.reserve(lambda leased: 1, launch_id="one", expires_in_s=0.2)
    leases.heartbeat("two/0", expires_in_s=3600)
    wait_until(lambda: leases.live() == 1, "the lease without a heartbeat to expire")
    held, now = leases.held(), datetime.now(UTC)
    assert held.keys() == {"one/0", "two/0"}
    assert held["one/0"] <= now
    assert timedelta(minutes=59) < held["two/0"] - now <= timedelta(hours=1)
    leases.release(["one/0", "two/0"])
    assert leases.held() == {}


@pytest.mark.timeout(60)
def test_two_launchers_never_take_the_same_place(leases: TaskLeases) -> None:
    """Eight at once, three places: exactly three are taken."""

    def one_of_three(leased: int) -> int:
        return max(0, min(1, 3 - leased))

    with ThreadPoolExecutor(8) as pool:
        taken = list(
            pool.map(lambda n: leases.reserve(one_of_three, launch_id=f"launch-{n}", expires_in_s=60), range(8))
        )
    assert sum(taken) == 3
    assert leases.live() == 3


def test_the_last_report_of_every_place_is_there_until_it_is_taken_away(leases: TaskLeases) -> None:
    leases.report("one/0", {"stages": [{"stage": "fetch", "photos": 1, "waiting": None}]})
    leases.report("one/0", {"stages": [{"stage": "fetch", "photos": 2, "waiting": 3}]})
    leases.report("two/0", {"stages": []})
    assert leases.reports() == {
        "one/0": {"stages": [{"stage": "fetch", "photos": 2, "waiting": 3}]},
        "two/0": {"stages": []},
    }
    leases.report("one/0", None)
    leases.report("one/0", None)
    assert leases.reports() == {"two/0": {"stages": []}}
    assert leases.live() == 0, "a report holds no place"


def test_a_process_with_a_wrong_clock_neither_loses_nor_keeps_leases(
    firestore_leases: FirestoreTaskLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    class HoursBehind(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> HoursBehind:
            return cls.fromtimestamp(datetime.now(UTC).timestamp() - 7200, tz)

    class HoursAhead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> HoursAhead:
            return cls.fromtimestamp(datetime.now(UTC).timestamp() + 7200, tz)

    monkeypatch.setattr(task_leases, "datetime", HoursBehind)
    firestore_leases.heartbeat("behind/0", expires_in_s=60)
    monkeypatch.setattr(task_leases, "datetime", HoursAhead)
    firestore_leases.heartbeat("ahead/0", expires_in_s=0.2)
    assert firestore_leases.live() >= 1, "the other lease is not expired, whatever this process's clock says"
    monkeypatch.undo()
    wait_until(lambda: firestore_leases.live() == 1, "the lease of the process that was ahead to expire", timeout_s=10)
    assert {id_ for id_, at in firestore_leases.held().items() if at > datetime.now(UTC)} == {"behind/0"}
