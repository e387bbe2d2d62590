"""The promises of WorkQueue, kept by every implementation."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from photofinish.adapters.google.pubsub import PubSubWorkQueue
from photofinish.adapters.memory.work import MemoryWorkQueue
from photofinish.domain.lanes import SHARES, Lane
from photofinish.domain.photo import PhotoRef
from photofinish.ports import LeasedWork, WorkItem, WorkQueue
from photofinish.ports.work_messages import parse_work_message, work_message
from support.waiting import DEADLINE_S


@pytest.fixture(params=["memory", "pubsub_queue", "at_least_once_queue"])
def queue(request: pytest.FixtureRequest) -> WorkQueue:
    if request.param == "memory":
        return MemoryWorkQueue()
    made: PubSubWorkQueue = request.getfixturevalue(request.param)
    return made


def item(number: int) -> WorkItem:
    photo = PhotoRef(bucket="b", name=f"l'été/{number}.jpg", generation=number)
    return WorkItem(photo=photo, trace_id=f"t{number}", uploaded_at=datetime(2026, 5, 1, 12, 0, number, tzinfo=UTC))


def pull_all(queue: WorkQueue, count: int) -> list[LeasedWork]:
    deadline = time.monotonic() + DEADLINE_S
    pulled: list[LeasedWork] = []
    while len(pulled) < count and time.monotonic() < deadline:
        pulled += queue.pull(count - len(pulled), timeout_s=1)
    return pulled


def nothing_but_new(queue: WorkQueue) -> bool:
    """Whether what is published now is all that is pulled until it comes, and for a moment after."""
    last = item(59)
    queue.publish([last])
    pulled: list[LeasedWork] = []
    deadline = time.monotonic() + DEADLINE_S
    while last not in [work.item for work in pulled] and time.monotonic() < deadline:
        pulled += queue.pull(5, timeout_s=1)
    pulled += queue.pull(5, timeout_s=0.1)
    return [work.item for work in pulled] == [last]


def test_what_is_published_is_pulled(queue: WorkQueue) -> None:
    items = [item(number) for number in range(1, 21)]
    queue.publish(items)
    pulled = pull_all(queue, 20)
    assert sorted(work.item.photo for work in pulled) == sorted(one.photo for one in items)
    assert {work.delivery_attempt for work in pulled} == {1}
    assert all(work.published_at.tzinfo is not None for work in pulled)


def test_an_empty_queue_answers_in_time(queue: WorkQueue) -> None:
    began = time.monotonic()
    assert queue.pull(5, timeout_s=0.3) == []
    assert time.monotonic() - began < DEADLINE_S / 2, "it does not wait as long as a server would"
    assert nothing_but_new(queue)


def test_a_lane_alone_is_pulled_at_once(queue: WorkQueue) -> None:
    """And what comes in the other one while a pull waits is seen."""
    for lane in (Lane.BULK, Lane.PROMPT, Lane.BULK):
        queue.publish([item(1), item(2)], lane=lane)
        pulled = pull_all(queue, 2)
        assert {work.item.photo.generation for work in pulled} == {1, 2}
        queue.ack([work.ack_id for work in pulled])
    assert nothing_but_new(queue)


def test_lanes_share_pulls_while_both_have_items(queue: WorkQueue) -> None:
    queue.publish([item(number) for number in range(30)], lane=Lane.BULK)
    queue.publish([item(number) for number in range(30, 60)])
    lanes: list[Lane] = []
    while len(lanes) < 60 and (pulled := queue.pull(2, timeout_s=5)):
        lanes += [Lane.BULK if work.item.photo.generation < 30 else Lane.PROMPT for work in pulled]
        queue.ack([work.ack_id for work in pulled])
    assert lanes.count(Lane.PROMPT) == lanes.count(Lane.BULK) == 30
    # An answer of a real server may take long enough to cost a lane a turn or two, which it gets back.
    share = SHARES[Lane.PROMPT] / sum(SHARES.values())
    assert abs(lanes[:32].count(Lane.PROMPT) - 32 * share) <= 4
    assert Lane.BULK in lanes[:12], "neither starves"


def test_what_comes_after_the_last_pull_is_drained(queue: WorkQueue) -> None:
    """So that a task which ends leaves no message leased until its ack deadline."""
    assert queue.pull(2, timeout_s=0.1) == []
    queue.publish([item(1)], lane=Lane.BULK)
    queue.publish([item(2)])
    last = queue.drain()
    assert queue.drain() == []
    queue.extend([work.ack_id for work in last], deadline_s=0)
    assert {work.item.photo.generation for work in pull_all(queue, 2)} == {1, 2}


def test_leased_work_is_not_delivered_to_others(queue: WorkQueue) -> None:
    queue.publish([item(1)])
    assert len(pull_all(queue, 1)) == 1
    assert nothing_but_new(queue)


def test_never_more_than_asked_for(queue: WorkQueue) -> None:
    queue.publish([item(number) for number in range(1, 11)])
    assert 1 <= len(queue.pull(3, timeout_s=5)) <= 3


def test_what_is_given_back_comes_again(queue: WorkQueue) -> None:
    queue.publish([item(1)])
    first = pull_all(queue, 1)[0]
    queue.extend([first.ack_id], deadline_s=0)
    second = pull_all(queue, 1)[0]
    assert second.item == first.item


def test_what_is_acknowledged_does_not(queue: WorkQueue) -> None:
    queue.publish([item(1)])
    first = pull_all(queue, 1)[0]
    queue.ack([first.ack_id])
    queue.extend([first.ack_id], deadline_s=0)
    assert nothing_but_new(queue)


def test_a_late_acknowledgement_is_no_error_and_spoils_no_other(queue: WorkQueue) -> None:
    queue.publish([item(1), item(2)])
    first, second = pull_all(queue, 2)
    queue.extend([first.ack_id], deadline_s=0)
    again = pull_all(queue, 1)[0]
    assert again.item == first.item
    queue.ack([first.ack_id, second.ack_id])
    queue.extend([first.ack_id, second.ack_id], deadline_s=60)
    queue.ack([again.ack_id])
    assert nothing_but_new(queue)


def test_a_work_message_says_what_the_item_says() -> None:
    assert parse_work_message(work_message(item(7))) == item(7)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"bucket": "b", "name": "n", "generation": "x"}'])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a work item"):
        parse_work_message(data)


def test_a_message_that_can_never_be_work_is_dropped(pubsub_queue: PubSubWorkQueue) -> None:
    pubsub_queue._publisher.publish(pubsub_queue._topics[Lane.PROMPT], b"rubbish").result(timeout=DEADLINE_S)
    pubsub_queue.publish([item(1)])
    assert [work.item for work in pull_all(pubsub_queue, 1)] == [item(1)]


def test_an_object_of_another_bucket_is_no_work(pubsub_queue: PubSubWorkQueue) -> None:
    foreign = PhotoRef(bucket="derived", name="renditions/race/1.preview.jpg", generation=1)
    pubsub_queue.publish([WorkItem(photo=foreign, trace_id="t", uploaded_at=datetime.now(UTC)), item(1)])
    [work] = pull_all(pubsub_queue, 1)
    assert work.item == item(1)
    pubsub_queue.ack([work.ack_id])
    assert nothing_but_new(pubsub_queue)
