"""The promises of TaskTimes, kept by every implementation."""

from __future__ import annotations

import uuid

import pytest

from photofinish.adapters.memory.task_times import MemoryTaskTimes
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.task_times import PgTaskTimes
from photofinish.domain.album_cost import AlbumTime, TaskTime
from photofinish.domain.prices import Processor
from photofinish.ports import TaskTimes
from support.erasing import erase_rows
from support.faces import face, photo
from support.index import add

ONE, TWO = str(uuid.uuid4()), str(uuid.uuid4())


@pytest.fixture(params=["memory", "postgres"])
def times(request: pytest.FixtureRequest) -> TaskTimes:
    if request.param == "memory":
        return MemoryTaskTimes()
    return PgTaskTimes(request.getfixturevalue("connections"))


def time(seconds: float, photos: int = 1) -> AlbumTime:
    return AlbumTime(seconds=seconds, photos=photos)


def on(processor: Processor, seconds: float, photos: int) -> TaskTime:
    return TaskTime(processor=processor, seconds=seconds, photos=photos)


def test_reports_of_a_run_replace_each_other_in_any_order(times: TaskTimes) -> None:
    for report in (time(1.5), time(4.0, 3), time(4.0, 3), time(1.5), time(2.0, 2)):
        times.report(ONE, Processor.L4, {"race": report})
    assert times.of_album("race") == [on(Processor.L4, 4.0, 3)]


def test_runs_and_machines_add_up_and_albums_do_not(times: TaskTimes) -> None:
    times.report(ONE, Processor.L4, {"race": time(1.0), "party": time(2.0, 5)})
    times.report(TWO, Processor.L4, {"race": time(3.0, 4)})
    times.report(str(uuid.uuid4()), Processor.CPU, {"race": time(10.0, 2)})
    assert times.of_album("race") == [on(Processor.CPU, 10.0, 2), on(Processor.L4, 4.0, 5)]
    assert times.of_album("party") == [on(Processor.L4, 2.0, 5)]
    for unknown in ("unknown", "no/album"):
        assert times.of_album(unknown) == []


def test_an_erased_album_keeps_what_it_cost(connections: Database) -> None:
    times = PgTaskTimes(connections)
    times.report(ONE, Processor.L4, {"race": time(1.0)})
    add(PgFaceIndex(connections), photo("race/1.jpg"), [face()])
    erase_rows(connections, "race")
    assert times.of_album("race") == [on(Processor.L4, 1.0, 1)]
