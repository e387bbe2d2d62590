"""A minute of `make faults`: real processes die, connections break and photos change while an album is analysed."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.faulty_cloud.cloud import FaultyCloud
from support.faulty_cloud.comparing import Comparison
from support.faulty_cloud.running import Run, Running
from support.faulty_cloud.schedule import Fault, Kind, Outage

SEED = 17
OUTAGES = (
    Outage(
        (
            Fault(kind=Kind.KILL_AFTER, target="index.replace"),
            Fault(kind=Kind.RESET, target="firestore", seconds=3, amount=0.3),
        ),
        1,
    ),
    Outage(
        (
            Fault(kind=Kind.AWAY, target="pubsub", seconds=2),
            Fault(kind=Kind.REPEAT, target="10 times", amount=10),
            Fault(kind=Kind.KILL, target="postgres"),
            Fault(kind=Kind.OVERWRITE, target="photos", amount=2),
            Fault(kind=Kind.DELETE, target="photos", amount=1),
        ),
        2,
    ),
)


@pytest.mark.timeout(900)
def test_nothing_is_lost_duplicated_or_orphaned(tmp_path: Path) -> None:
    cloud, run = FaultyCloud(tmp_path, SEED), Run()
    with cloud.running():
        running = Running(cloud)
        running.hurt(OUTAGES, run, photos_before=3)
        running.settle(run)
        running.close()
    assert run.times >= len(OUTAGES), f"the faults happened: {dict(run.tried)}"
    assert run.left == Comparison()
