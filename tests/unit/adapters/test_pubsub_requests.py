"""What the queue's adapter asks of Pub/Sub, by the requests that arrive at the client."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from google.api_core import exceptions
from google.rpc.error_details_pb2 import ErrorInfo

from photofinish.adapters.google.pubsub import (
    LanePlace,
    PubSubResultEvents,
    PubSubRetentionRuns,
    PubSubWebhookMessages,
    PubSubWorkQueue,
)
from photofinish.domain.lanes import Lane
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.errors import Unavailable
from photofinish.ports import WorkItem
from photofinish.ports.work_messages import work_message

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PLACES = {Lane.PROMPT: LanePlace("photo-work", "tasks"), Lane.BULK: LanePlace("photo-work-bulk", "bulk-tasks")}
PERMANENT, TRANSIENT = "PERMANENT_FAILURE_INVALID_ACK_ID", "TRANSIENT_FAILURE_SERVICE_UNAVAILABLE"


class Subscriber:
    """Takes requests as the client does, and keeps them."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.error: Exception | None = None
        self.waiting: list[SimpleNamespace] = []

    def subscription_path(self, project: str, subscription: str) -> str:
        return f"projects/{project}/subscriptions/{subscription}"

    topic_path = subscription_path

    def modify_ack_deadline(self, **request: Any) -> None:
        self.requests.append(("modify_ack_deadline", request))
        if self.error is not None:
            raise self.error

    def acknowledge(self, **request: Any) -> None:
        self.requests.append(("acknowledge", request))
        if self.error is not None:
            raise self.error

    def pull(self, **request: Any) -> SimpleNamespace:
        if not self.waiting or "bulk" in request["subscription"]:
            raise exceptions.DeadlineExceeded("nothing came")
        return SimpleNamespace(received_messages=self.waiting)


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber()


@pytest.fixture
def queue(subscriber: Subscriber) -> PubSubWorkQueue:
    return PubSubWorkQueue(subscriber, subscriber, "p", PLACES, bucket="b")  # type: ignore[arg-type]


@pytest.mark.parametrize("deadline_s", [0, 10, 600])
def test_deadlines_are_moved_to_what_was_asked(queue: PubSubWorkQueue, subscriber: Subscriber, deadline_s: int) -> None:
    queue.extend(["prompt:a", "bulk:b", "prompt:c"], deadline_s=deadline_s)
    queue.ack(["bulk:a:b"])
    assert [
        (method, request["subscription"], request["ack_ids"], request.get("ack_deadline_seconds"))
        for method, request in subscriber.requests
    ] == [
        ("modify_ack_deadline", "projects/p/subscriptions/tasks", ["a", "c"], deadline_s),
        ("modify_ack_deadline", "projects/p/subscriptions/bulk-tasks", ["b"], deadline_s),
        ("acknowledge", "projects/p/subscriptions/bulk-tasks", ["a:b"], None),
    ]


@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 2500])
def test_every_id_is_in_one_request_of_a_size_that_the_service_takes(
    queue: PubSubWorkQueue, subscriber: Subscriber, count: int
) -> None:
    ids = [str(number) for number in range(count)]
    queue.ack([f"bulk:{one}" for one in ids])
    queue.extend([f"bulk:{one}" for one in ids], deadline_s=60)
    for method in ("acknowledge", "modify_ack_deadline"):
        parts = [request["ack_ids"] for name, request in subscriber.requests if name == method]
        assert [one for part in parts for one in part] == ids
        assert all(0 < len(part) <= 1000 for part in parts)


def refused(verdicts: dict[str, str], reason: str = "EXACTLY_ONCE_ACKID_FAILURE") -> exceptions.GoogleAPICallError:
    """What the client raises where the service took some ids of a request and refused these."""
    info = ErrorInfo(reason=reason, domain="pubsub.googleapis.com", metadata=verdicts)
    return exceptions.FailedPrecondition("some ids were refused", details=[info], error_info=info)


CALLS: list[Callable[[PubSubWorkQueue], None]] = [
    lambda queue: queue.ack(["prompt:a", "prompt:b", "prompt:c"]),
    lambda queue: queue.extend(["prompt:a", "prompt:b", "prompt:c"], deadline_s=60),
]


@pytest.mark.parametrize("call", CALLS)
def test_ids_that_are_too_late_are_only_told(
    queue: PubSubWorkQueue,
    subscriber: Subscriber,
    call: Callable[[PubSubWorkQueue], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    subscriber.error = refused({"a": PERMANENT, "b": PERMANENT})
    with caplog.at_level(logging.INFO):
        call(queue)
    [line] = caplog.messages
    assert "2 messages" in line


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "verdicts", [{"a": TRANSIENT}, {"a": PERMANENT, "b": TRANSIENT}, {"b": TRANSIENT, "c": PERMANENT}]
)
def test_ids_that_the_service_could_not_take_for_now_are_tried_again(
    queue: PubSubWorkQueue,
    subscriber: Subscriber,
    call: Callable[[PubSubWorkQueue], None],
    verdicts: dict[str, str],
) -> None:
    subscriber.error = refused(verdicts)
    with pytest.raises(Unavailable, match=f"1 messages for now: {TRANSIENT}"):
        call(queue)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", [refused({"a": PERMANENT}, reason="OTHER"), refused({}), exceptions.NotFound("gone")])
def test_other_refusals_are_bugs_and_pass(
    queue: PubSubWorkQueue,
    subscriber: Subscriber,
    call: Callable[[PubSubWorkQueue], None],
    error: exceptions.GoogleAPICallError,
) -> None:
    subscriber.error = error
    with pytest.raises(type(error)):
        call(queue)


def received(ack_id: str, data: bytes, delivery_attempt: int = 0) -> SimpleNamespace:
    message = SimpleNamespace(data=data, publish_time=NOW)
    return SimpleNamespace(ack_id=ack_id, message=message, delivery_attempt=delivery_attempt)


def work_of(bucket: str) -> WorkItem:
    return WorkItem(photo=PhotoRef(bucket=bucket, name="race/1.jpg", generation=1), trace_id="t", uploaded_at=NOW)


def test_what_is_no_work_is_acknowledged_and_the_rest_is_leased(queue: PubSubWorkQueue, subscriber: Subscriber) -> None:
    subscriber.waiting = [
        received("1", work_message(work_of("b"))),
        received("2", b"[]"),
        received("3", work_message(work_of("another"))),
        received("4", work_message(work_of("b")), delivery_attempt=2),
    ]
    leased = queue.pull(10, timeout_s=1)
    assert [(work.ack_id, work.delivery_attempt, work.published_at) for work in leased] == [
        ("prompt:1", 1, NOW),
        ("prompt:4", 2, NOW),
    ]
    assert {work.item.photo.bucket for work in leased} == {"b"}
    [(method, request)] = subscriber.requests
    assert (method, request["ack_ids"]) == ("acknowledge", ["2", "3"])


@dataclass
class Publisher:
    """Takes messages, and says of each only when asked that it was not stored."""

    published: list[dict[str, Any]] = field(default_factory=list)

    def topic_path(self, project: str, topic: str) -> str:
        return f"projects/{project}/topics/{topic}"

    subscription_path = topic_path

    def publish(self, topic: str, data: bytes, **attributes: str) -> SimpleNamespace:
        self.published.append(attributes)

        def result(timeout: float) -> str:
            raise exceptions.ServiceUnavailable("not stored")

        return SimpleNamespace(result=result)


@pytest.mark.parametrize(
    ("publish", "count"),
    [
        (lambda to: PubSubWorkQueue(to, to, "p", PLACES, bucket="b").publish([work_of("b")] * 2), 2),
        (lambda to: PubSubResultEvents(to, "p", "t").publish_result(work_of("b").photo, PhotoStatus.DONE), 1),
        (lambda to: PubSubWebhookMessages(to, "p", "t").announce([1, 2]), 2),
        (lambda to: PubSubWebhookMessages(to, "p", "t").notify(["one", "two"]), 2),
        (lambda to: PubSubWebhookMessages(to, "p", "t").nudge(), 1),
        (lambda to: PubSubRetentionRuns(to, "p", "t").request(), 1),
        (lambda to: PubSubRetentionRuns(to, "p", "t").finish_erasure("one"), 1),
    ],
)
def test_a_message_counts_as_published_only_when_it_is_stored(publish: Callable[[Any], None], count: int) -> None:
    publisher = Publisher()
    with pytest.raises(Unavailable):
        publish(publisher)
    assert len(publisher.published) == count, "all are sent before the first is waited for"
