"""What the seeded schedule of faults promises to those who read its report."""

from __future__ import annotations

from itertools import islice

import pytest

from support.faulty_cloud.schedule import CLOCKS, NEEDING_ABILITIES, SERVERS, STEPS, Kind, Outage, outages

PIECES = ("api", "firestore", "postgres", "pubsub", "run-jobs", "storage")
FREEZE_S = 16.0


def drawn(seed: int, number: int) -> list[Outage]:
    return list(islice(outages(seed, PIECES, freeze_s=FREEZE_S, abilities=Kind), number))


@pytest.mark.parametrize("seed", range(3))
def test_one_seed_gives_one_schedule(seed: int) -> None:
    assert drawn(seed, 70) == drawn(seed, 70)


def test_seeds_give_different_schedules() -> None:
    assert drawn(1, 70) != drawn(2, 70)


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_and_target_comes_alone_before_any_comes_alone_again(seed: int) -> None:
    everything = {(Kind.KILL, target) for target in (*PIECES, "analysis task", "supervisor")}
    everything |= {(kind, step) for step in STEPS for kind in (Kind.KILL_BEFORE, Kind.KILL_AFTER)}
    everything |= {
        (kind, server) for server in SERVERS for kind in (Kind.FREEZE, Kind.SLOW, Kind.RESET, Kind.AWAY, Kind.ERRORS)
    }
    everything |= {(kind, "photos") for kind in (Kind.OLD, Kind.OVERWRITE, Kind.DELETE, Kind.COPIES, Kind.LOST)}
    everything |= {(Kind.FREEZE, "analysis task"), (Kind.REPEAT, "2 times"), (Kind.REPEAT, "10 times")}
    everything |= {(Kind.NO_GPU, "launch"), (Kind.NO_GPU, "execution"), (Kind.LAUNCHERS, "launch-workers")}
    everything |= {(Kind.POISON, "kill"), (Kind.POISON, "hang"), (Kind.FULL, "disk")}
    everything |= {(Kind.CLOCK, clock) for clock in CLOCKS}
    writers = ("postgres", "firestore", "pubsub", "fake-gcs-server", "run-jobs")
    everything |= {(Kind.NO_WRITES, writer) for writer in writers}
    alone = [outage.faults for outage in drawn(seed, 4 * len(everything))[::4]]
    assert {(fault.kind, fault.target) for [fault] in alone} == everything


def test_what_a_machine_cannot_do_is_left_out() -> None:
    found = islice(outages(0, PIECES, freeze_s=FREEZE_S), 400)
    assert not {fault.kind for outage in found for fault in outage.faults} & NEEDING_ABILITIES.keys()


@pytest.mark.parametrize("seed", range(3))
def test_many_faults_come_at_once(seed: int) -> None:
    sizes = [len(outage.faults) for outage in drawn(seed, 100)]
    assert sum(size >= 6 for size in sizes) >= 40
    assert max(sizes) <= 14


@pytest.mark.parametrize("seed", range(3))
def test_a_process_or_proxy_suffers_one_fault_at_a_time(seed: int) -> None:
    for outage in drawn(seed, 100):
        targets = [fault.target for fault in outage.faults if fault.target != "photos"]
        assert len(targets) == len(set(targets))


@pytest.mark.parametrize("seed", range(3))
def test_frozen_tasks_lose_what_they_hold_and_other_faults_are_short(seed: int) -> None:
    for fault in (fault for outage in drawn(seed, 100) for fault in outage.faults):
        if (fault.kind, fault.target) == (Kind.FREEZE, "analysis task"):
            assert fault.seconds >= FREEZE_S
        else:
            assert fault.seconds <= 12
