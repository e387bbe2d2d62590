"""A task that dies between any two steps leads, after redelivery, to the same state as one that never died."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from photofinish.adapters.memory.work import MemoryWorkQueue
from photofinish.application.dead_letters import record_given_up
from photofinish.application.unindexing import unindex_without_result
from photofinish.domain.photo import PhotoStatus
from support.index import bibs_of
from support.pipeline import MemoryCloud, toy_photo
from support.waiting import wait_until


class Killed(BaseException):
    """Stands in for SIGKILL: nothing in the product catches it."""


class Bomb:
    """Wraps a port and kills the process after the n-th call of all wrapped ports; that call still takes effect."""

    def __init__(self, port: Any, fuse: list[int]) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._fuse[0] == 0:
                raise Killed
            self._fuse[0] -= 1
            return attribute(*args, **kwargs)

        return call


PORTS = ("store", "index", "documents", "events", "queue", "leases")
PHOTOS = {
    "race/good.jpg": toy_photo(faces=[(1, 0, 0, 0), (0, 1, 0, 0)], bibs=["42", "7"]),
    "race/bad.jpg": b"not a picture",
}


def a_cloud() -> MemoryCloud:
    cloud = MemoryCloud(queue=MemoryWorkQueue(ack_deadline_s=0.02, complete=True))
    for name, content in PHOTOS.items():
        cloud.drop(name, content)
    return cloud


def final_state(cloud: MemoryCloud) -> dict[str, Any]:
    """Everything that persists, without times and durations."""
    documents = {
        record.ref.name: {
            key: value
            for key, value in record.fields.items()
            if key not in {"stages", "queued_at", "changed_at", "done_at", "trace_id", "timings_ms", "bibs_revision"}
        }
        for record in cloud.documents.list_photos("race")
    }
    bibs = {number: bibs_of(cloud.index, "race", number) for number in ("42", "7")}
    return {
        "documents": documents,
        "derived": cloud.store.derived,
        "bibs": bibs,
        "results": set(cloud.events.published),
        "waiting": len(cloud.queue),
    }


def run_until_killed(cloud: MemoryCloud, calls: int) -> bool:
    fuse = [calls]
    wired = MemoryCloud(**{port: Bomb(getattr(cloud, port), fuse) for port in PORTS})
    try:
        wired.worker().run()
    except Killed:
        return True
    return False


def test_every_crash_point_ends_in_the_same_state() -> None:
    undisturbed = a_cloud()
    undisturbed.worker().run()
    expected = final_state(undisturbed)
    assert expected["waiting"] == 0
    statuses = sorted(status for _, status in expected["results"])
    assert statuses == [PhotoStatus.DONE, PhotoStatus.QUEUED, PhotoStatus.QUEUED, PhotoStatus.REJECTED]

    killed = 0
    for calls in itertools.count():
        cloud = a_cloud()
        if not run_until_killed(cloud, calls):
            break
        killed += 1
        _wait_for_redelivery(cloud)
        cloud.worker().run()
        assert final_state(cloud) == expected, f"differs after a crash before call {calls + 1}"
    assert killed >= 10, "the pipeline has more steps than crash points were tried"


def test_a_photo_whose_dead_letter_comes_after_a_crash_is_found_only_if_it_is_done() -> None:
    ends = set()
    for calls in itertools.count():
        cloud = a_cloud()
        if not run_until_killed(cloud, calls):
            break
        for record in list(cloud.documents.list_photos("race")):
            record_given_up(record.ref, attempts="5", documents=cloud.documents, events=cloud.events)
        for photo, status in cloud.events.published:
            unindex_without_result(photo, status, cloud.documents, cloud.index)
        done = {record.ref.name for record in cloud.documents.list_photos("race", status=PhotoStatus.DONE)}
        assert {one.photo.name for one in cloud.index.all_photos()} == done, f"after a crash before call {calls + 1}"
        ends.add(len(done))
    assert ends == {0, 1}


@pytest.mark.parametrize("times", [2, 3])
def test_dying_several_times_in_a_row_ends_in_the_same_state(times: int) -> None:
    undisturbed = a_cloud()
    undisturbed.worker().run()
    cloud = a_cloud()
    for calls in range(times):
        assert run_until_killed(cloud, 2 * calls + 3)
        _wait_for_redelivery(cloud)
    cloud.worker().run()
    assert final_state(cloud) == final_state(undisturbed)


def _wait_for_redelivery(cloud: MemoryCloud) -> None:
    def all_are_there() -> bool:
        leased = cloud.queue.pull(10, timeout_s=1.0)
        cloud.queue.extend([work.ack_id for work in leased], deadline_s=0)
        return len(leased) == len(cloud.queue)

    wait_until(all_are_there, "what the killed task had leased comes again")
