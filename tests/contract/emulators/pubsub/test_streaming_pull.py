"""Streaming pull with the client library's subscriber, and with the bare stub to test the protocol."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeError, AcknowledgeStatus
from google.cloud.pubsub_v1.types import FlowControl
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import types

from support.pubsub_server import PubsubServer, publish
from support.waiting import wait_until

Publisher = pubsub_v1.PublisherClient
Subscriber = pubsub_v1.SubscriberClient
Message = pubsub_v1.subscriber.message.Message


@contextmanager
def receiving(
    subscriber: Subscriber, subscription: str, callback: Callable[[Message], None], **flow: Any
) -> Iterator[None]:
    future = subscriber.subscribe(subscription, callback, flow_control=FlowControl(**flow))
    try:
        yield
    finally:
        future.cancel()
        future.result(10)


def test_every_message_comes_once(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    seen: Counter[bytes] = Counter()
    lock = threading.Lock()

    def callback(message: Message) -> None:
        with lock:
            seen[message.data] += 1
        message.ack()

    bodies = [b"%d" % i for i in range(5000)]
    with receiving(subscriber, subscribe(), callback):
        publish(publisher, topic, *bodies)
        wait_until(lambda: len(seen) == len(bodies), "all messages", 30)
    assert seen == Counter(bodies)


def test_two_streams_share_the_messages(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    seen: dict[str, set[bytes]] = {"a": set(), "b": set()}

    def into(name: str) -> Callable[[Message], None]:
        def callback(message: Message) -> None:
            seen[name].add(message.data)
            wait_until(lambda: seen["a"] and seen["b"], "the other stream to get a message, too")
            message.ack()

        return callback

    flow = {"max_messages": 20}
    with receiving(subscriber, subscription, into("a"), **flow), receiving(subscriber, subscription, into("b"), **flow):
        publish(publisher, topic, *[b"%d" % i for i in range(400)])
        wait_until(lambda: len(seen["a"]) + len(seen["b"]) == 400, "all messages")
    assert not seen["a"] & seen["b"]
    assert min(len(seen["a"]), len(seen["b"])) > 50


def test_a_nacked_message_is_redelivered(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    calls: list[str] = []

    def callback(message: Message) -> None:
        calls.append(message.message_id)
        message.nack() if len(calls) < 3 else message.ack()

    with receiving(subscriber, subscribe(retry_policy={"minimum_backoff": Duration(nanos=10_000_000)}), callback):
        publish(publisher, topic, b"x")
        wait_until(lambda: len(calls) == 3, "three deliveries")
    assert len(set(calls)) == 1


class Stream:
    """The bare StreamingPull call; the first request is sent at once."""

    def __init__(self, server: PubsubServer, subscription: str, **first: Any) -> None:
        self._requests: queue.SimpleQueue[types.StreamingPullRequest | None] = queue.SimpleQueue()
        self.send(subscription=subscription, **{"stream_ack_deadline_seconds": 10, **first})
        self._channel = grpc.insecure_channel(server.address)
        call = self._channel.stream_stream(
            "/google.pubsub.v1.Subscriber/StreamingPull",
            request_serializer=types.StreamingPullRequest.serialize,
            response_deserializer=types.StreamingPullResponse.deserialize,
        )
        self.responses: list[types.StreamingPullResponse] = []
        self.error: grpc.RpcError | None = None
        self._call = call(iter(self._requests.get, None))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            for response in self._call:
                self.responses.append(response)
        except grpc.RpcError as error:
            self.error = error

    def send(self, **fields: Any) -> None:
        self._requests.put(types.StreamingPullRequest(**fields))

    def received(self) -> list[types.ReceivedMessage]:
        return [message for response in self.responses for message in response.received_messages]

    def half_close(self) -> None:
        self._requests.put(None)
        self._reader.join(10)
        assert not self._reader.is_alive(), "the server did not end the stream"

    def close(self) -> None:
        self._call.cancel()
        self._reader.join(10)
        self._channel.close()


@pytest.fixture
def stream(server: PubsubServer) -> Iterator[Callable[..., Stream]]:
    opened: list[Stream] = []

    def open_stream(subscription: str, **first: Any) -> Stream:
        opened.append(Stream(server, subscription, **first))
        return opened[-1]

    yield open_stream
    for each in opened:
        each.close()


def test_flow_control_by_messages(
    publisher: Publisher, topic: str, subscribe: Callable[..., str], stream: Callable[..., Stream]
) -> None:
    open_stream = stream(subscribe(), max_outstanding_messages=3)
    publish(publisher, topic, *[b"%d" % i for i in range(10)])
    wait_until(lambda: len(open_stream.received()) >= 3, "three messages")
    # Each acknowledgement, also a negative one, makes room for one message.
    first, second, _ = (message.ack_id for message in open_stream.received())
    open_stream.send(ack_ids=[first])
    wait_until(lambda: len(open_stream.received()) >= 4, "a fourth message")
    open_stream.send(modify_deadline_ack_ids=[second], modify_deadline_seconds=[0])
    wait_until(lambda: len(open_stream.received()) >= 5, "a fifth message")
    assert len(open_stream.received()) == 5


def test_flow_control_by_bytes(
    publisher: Publisher, topic: str, subscribe: Callable[..., str], stream: Callable[..., Stream]
) -> None:
    open_stream = stream(subscribe(), max_outstanding_bytes=1500)
    publish(publisher, topic, *[bytes(1000)] * 4)
    wait_until(lambda: len(open_stream.received()) >= 2, "two messages")
    open_stream.send(ack_ids=[message.ack_id for message in open_stream.received()])
    wait_until(lambda: len(open_stream.received()) >= 4, "the other two")
    assert len(open_stream.responses) >= 2


def test_the_stream_has_its_own_ack_deadline(
    publisher: Publisher,
    subscriber: Subscriber,
    topic: str,
    subscribe: Callable[..., str],
    stream: Callable[..., Stream],
) -> None:
    subscription = subscribe(ack_deadline_seconds=10)
    open_stream = stream(subscription, stream_ack_deadline_seconds=600)
    publish(publisher, topic, b"x")
    [message] = wait_until(open_stream.received, "a message")
    open_stream.send(modify_deadline_ack_ids=[message.ack_id], modify_deadline_seconds=[1])
    wait_until(lambda: len(open_stream.received()) == 2, "the message again after one second")


def test_a_half_closed_stream_ends_without_error(subscribe: Callable[..., str], stream: Callable[..., Stream]) -> None:
    open_stream = stream(subscribe())
    open_stream.half_close()
    assert open_stream.error is None


@pytest.mark.parametrize(
    ("request_fields", "what"),
    [
        ({"subscription": "projects/contract/subscriptions/other"}, "a second subscription"),
        ({"max_outstanding_messages": 3}, "flow control in a later request"),
        ({"ack_ids": ["nonsense"]}, "a malformed acknowledgement id"),
        ({"modify_deadline_ack_ids": ["1-1-1"], "modify_deadline_seconds": []}, "lists of unequal length"),
        ({"stream_ack_deadline_seconds": 5}, "a deadline below the limit"),
    ],
)
def test_an_invalid_request_ends_the_stream(
    subscribe: Callable[..., str], stream: Callable[..., Stream], request_fields: dict[str, Any], what: str
) -> None:
    open_stream = stream(subscribe())
    open_stream.send(**request_fields)
    error = wait_until(lambda: open_stream.error, f"the end of the stream after {what}")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_deleting_and_detaching_end_the_stream(
    publisher: Publisher, subscriber: Subscriber, subscribe: Callable[..., str], stream: Callable[..., Stream]
) -> None:
    deleted, detached = subscribe(), subscribe()
    first, second = stream(deleted), stream(detached)
    for name in (deleted, detached):
        wait_until(lambda name=name: subscriber.get_subscription(subscription=name), "the subscription")
    subscriber.delete_subscription(subscription=deleted)
    publisher.detach_subscription(request={"subscription": detached})
    assert wait_until(lambda: first.error, "the end of the stream").code() is grpc.StatusCode.NOT_FOUND
    assert wait_until(lambda: second.error, "the end of the stream").code() is grpc.StatusCode.FAILED_PRECONDITION


def test_exactly_once_reports_whether_an_ack_counted(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    """The library's ``ack_with_response`` fails for a delivery that was followed by another, and succeeds for that."""
    subscription = subscribe(enable_exactly_once_delivery=True)
    messages: list[Message] = []
    with receiving(subscriber, subscription, messages.append):
        publish(publisher, topic, b"x")
        [first] = wait_until(lambda: list(messages), "a message")
        assert first.modify_ack_deadline_with_response(0).result(10) == AcknowledgeStatus.SUCCESS
        wait_until(lambda: len(messages) == 2, "the message again")
        with pytest.raises(AcknowledgeError) as refused:
            first.ack_with_response().result(10)
        assert refused.value.error_code == AcknowledgeStatus.INVALID_ACK_ID
        assert messages[1].ack_with_response().result(10) == AcknowledgeStatus.SUCCESS


def test_exactly_once_confirms_on_the_stream(
    publisher: Publisher, topic: str, subscribe: Callable[..., str], stream: Callable[..., Stream]
) -> None:
    open_stream = stream(subscribe(enable_exactly_once_delivery=True))
    publish(publisher, topic, b"x")
    [message] = wait_until(open_stream.received, "a message")
    stale = message.ack_id.rsplit("-", 1)[0] + "-99"
    open_stream.send(ack_ids=[message.ack_id, stale])
    confirmation = wait_until(
        lambda: [r.acknowledge_confirmation for r in open_stream.responses if "acknowledge_confirmation" in r],
        "a confirmation",
    )[0]
    assert list(confirmation.ack_ids) == [message.ack_id]
    assert list(confirmation.invalid_ack_ids) == [stale]
    assert all(r.subscription_properties.exactly_once_delivery_enabled for r in open_stream.responses)
