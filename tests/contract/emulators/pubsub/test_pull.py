"""Publish, pull, acknowledge, and the retry of messages that are not acknowledged."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from support.pubsub_server import PubsubServer, publish, pull
from support.waiting import DEADLINE_S, wait_until

Publisher = pubsub_v1.PublisherClient
Subscriber = pubsub_v1.SubscriberClient


def wait_for_messages(subscriber: Subscriber, subscription: str) -> list:
    return wait_until(lambda: pull(subscriber, subscription), f"a message on {subscription}")


def test_a_message_arrives_as_it_was_published(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    [message_id] = publish(publisher, topic, b"\x00\xff body", colour="blå")

    [received] = subscriber.pull(subscription=subscription, max_messages=10).received_messages

    assert received.message.data == b"\x00\xff body"
    assert dict(received.message.attributes) == {"colour": "blå"}
    assert received.message.message_id == message_id
    assert abs(received.message.publish_time.timestamp() - time.time()) < 60
    assert received.delivery_attempt == 0, "without a dead-letter policy attempts are not reported"


def test_every_subscription_gets_every_message(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    first, second = subscribe(), subscribe()
    publish(publisher, topic, *[b"%d" % i for i in range(50)])
    for subscription in (first, second):
        received = pull(subscriber, subscription)
        assert sorted(int(r.message.data) for r in received) == list(range(50))


def test_a_subscription_does_not_get_messages_published_before_it(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscribe()
    publish(publisher, topic, b"before")
    late = subscribe()
    publish(publisher, topic, b"after")
    assert [r.message.data for r in wait_for_messages(subscriber, late)] == [b"after"]


def test_an_acknowledged_message_is_not_redelivered(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publish(publisher, topic, b"x")
    [received] = wait_for_messages(subscriber, subscription)
    subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[received.ack_id], ack_deadline_seconds=1)
    subscriber.acknowledge(subscription=subscription, ack_ids=[received.ack_id])
    with pytest.raises(exceptions.DeadlineExceeded):
        subscriber.pull(subscription=subscription, max_messages=1, timeout=1.5, retry=None)


def test_a_message_is_redelivered_after_its_deadline_and_not_before(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publish(publisher, topic, b"x")
    [first] = wait_for_messages(subscriber, subscription)
    subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[first.ack_id], ack_deadline_seconds=1)
    started = time.monotonic()

    [second] = subscriber.pull(subscription=subscription, max_messages=1, timeout=DEADLINE_S).received_messages

    assert time.monotonic() - started > 0.9
    assert second.message.message_id == first.message.message_id
    assert second.ack_id != first.ack_id
    # A late acknowledgement counts.
    subscriber.acknowledge(subscription=subscription, ack_ids=[first.ack_id])
    subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[second.ack_id], ack_deadline_seconds=0)
    assert pull(subscriber, subscription) == []


def test_an_extended_deadline_delays_redelivery(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publish(publisher, topic, b"x")
    [first] = wait_for_messages(subscriber, subscription)
    for seconds in (1, 600):
        subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[first.ack_id], ack_deadline_seconds=seconds)
    with pytest.raises(exceptions.DeadlineExceeded):
        subscriber.pull(subscription=subscription, max_messages=1, timeout=1.5, retry=None)


def test_a_waiting_pull_returns_a_message_that_is_published_meanwhile(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(subscriber.pull, subscription=subscription, max_messages=1)
        publish(publisher, topic, b"x")
        assert [r.message.data for r in waiting.result(10).received_messages] == [b"x"]


def test_a_cancelled_pull_takes_no_messages(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    with pytest.raises(exceptions.DeadlineExceeded):
        subscriber.pull(subscription=subscription, max_messages=1, timeout=0.2, retry=None)
    publish(publisher, topic, b"x")
    assert [r.message.data for r in wait_for_messages(subscriber, subscription)] == [b"x"]


def test_a_pull_returns_at_most_max_messages(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publish(publisher, topic, *[b"%d" % i for i in range(10)])
    sizes = [len(pull(subscriber, subscription, limit=4)) for _ in range(4)]
    assert sizes == [4, 4, 2, 0]


def test_nacked_messages_are_redelivered_with_growing_delays(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe(
        retry_policy={"minimum_backoff": Duration(nanos=200_000_000), "maximum_backoff": Duration(nanos=600_000_000)}
    )
    publish(publisher, topic, b"x")
    [received] = wait_for_messages(subscriber, subscription)
    delays = []
    for _ in range(4):
        subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[received.ack_id], ack_deadline_seconds=0)
        nacked = time.monotonic()
        [received] = subscriber.pull(subscription=subscription, max_messages=1, timeout=DEADLINE_S).received_messages
        delays.append(time.monotonic() - nacked)
    for delay, expected in zip(delays, (0.2, 0.4, 0.6, 0.6), strict=True):
        assert delay > expected * 0.95, f"delays {delays} should be 0.2, 0.4, 0.6, 0.6 s"


def test_without_a_retry_policy_a_nacked_message_is_redelivered_at_once(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publish(publisher, topic, b"x")
    [first] = wait_for_messages(subscriber, subscription)
    subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[first.ack_id], ack_deadline_seconds=0)
    [second] = pull(subscriber, subscription)
    assert second.message == first.message


def test_after_its_last_attempt_a_message_goes_to_the_dead_letter_topic(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    dead_topic, dead_subscription = topic + "-dead", "projects/contract/subscriptions/dead"
    publisher.create_topic(name=dead_topic)
    subscriber.create_subscription(name=dead_subscription, topic=dead_topic)
    subscription = subscribe(dead_letter_policy={"dead_letter_topic": dead_topic, "max_delivery_attempts": 5})
    publish(publisher, topic, b"poison", colour="red")
    attempts = []
    for _ in range(5):
        [received] = wait_for_messages(subscriber, subscription)
        attempts.append(received.delivery_attempt)
        subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[received.ack_id], ack_deadline_seconds=0)
    assert attempts == [1, 2, 3, 4, 5]

    [dead] = wait_for_messages(subscriber, dead_subscription)

    assert pull(subscriber, subscription) == []
    assert dead.message.data == b"poison"
    attributes = dict(dead.message.attributes)
    published = attributes.pop("CloudPubSubDeadLetterSourceTopicPublishTime")
    assert published.startswith(received.message.publish_time.strftime("%Y-%m-%dT%H:%M:%S"))
    assert attributes == {
        "colour": "red",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceSubscription": subscription.rsplit("/", 1)[-1],
        "CloudPubSubDeadLetterSourceSubscriptionProject": "contract",
    }


def test_if_the_dead_letter_topic_is_deleted_the_message_stays(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    dead_topic = topic + "-gone"
    publisher.create_topic(name=dead_topic)
    subscription = subscribe(dead_letter_policy={"dead_letter_topic": dead_topic})
    publisher.delete_topic(topic=dead_topic)
    publish(publisher, topic, b"x")
    for attempt in range(1, 8):
        [received] = wait_for_messages(subscriber, subscription)
        assert received.delivery_attempt == attempt
        subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[received.ack_id], ack_deadline_seconds=0)


def test_a_subscription_keeps_the_messages_of_its_deleted_topic(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publish(publisher, topic, b"x")
    publisher.delete_topic(topic=topic)
    assert subscriber.get_subscription(subscription=subscription).topic == "_deleted-topic_"
    publisher.create_topic(name=topic)
    publish(publisher, topic, b"of the new topic")
    assert [r.message.data for r in wait_for_messages(subscriber, subscription)] == [b"x"]


def test_a_backlog_of_many_messages_and_a_large_one(
    server: PubsubServer, publisher: Publisher, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    large = bytes(9_900_000)
    publish(publisher, topic, *[b"%d" % i for i in range(3000)])
    publish(publisher, topic, large)
    seen: list[bytes] = []
    # With PUBSUB_EMULATOR_HOST a client accepts at most 4 MiB, so this one has its own channel.
    channel = grpc.insecure_channel(server.address, options=[("grpc.max_receive_message_length", -1)])
    with Subscriber(transport=SubscriberGrpcTransport(channel=channel)) as subscriber:
        while len(seen) < 3001:
            received = wait_for_messages(subscriber, subscription)
            seen += [r.message.data for r in received]
            subscriber.acknowledge(subscription=subscription, ack_ids=[r.ack_id for r in received])
    assert len(set(seen)) == 3001
    assert large in seen


def test_a_response_is_no_larger_than_clients_accept(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publish(publisher, topic, *[bytes(1_500_000)] * 4)
    assert [len(pull(subscriber, subscription)) for _ in range(3)] == [2, 2, 0]
