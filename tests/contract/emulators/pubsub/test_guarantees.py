"""Exactly-once delivery, filters, seeking and detaching."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf.duration_pb2 import Duration

from support.pubsub_server import PubsubServer, ack, bodies, nack, publish, pull

Publisher = pubsub_v1.PublisherClient
Subscriber = pubsub_v1.SubscriberClient


# Exactly once


def test_a_stale_acknowledgement_is_refused(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe(enable_exactly_once_delivery=True)
    publish(publisher, topic, b"x")
    [first] = pull(subscriber, subscription)
    nack(subscriber, subscription, first)
    [second] = pull(subscriber, subscription)
    for call in (
        lambda: ack(subscriber, subscription, first),
        lambda: nack(subscriber, subscription, first),
    ):
        with pytest.raises(exceptions.InvalidArgument) as refused:
            call()
        assert refused.value.reason == "EXACTLY_ONCE_ACKID_FAILURE"
        assert dict(refused.value.metadata) == {first.ack_id: "PERMANENT_FAILURE_INVALID_ACK_ID"}
    ack(subscriber, subscription, second)
    # A client that lost the response can repeat it.
    ack(subscriber, subscription, second)


def test_an_acknowledgement_can_be_repeated_after_a_kill(tmp_path_factory: pytest.TempPathFactory) -> None:
    with PubsubServer(tmp_path_factory.mktemp("once") / "state") as server:
        publisher, subscriber = server.publisher(), server.subscriber()
        topic, subscription = "projects/p/topics/top", "projects/p/subscriptions/sub"
        publisher.create_topic(name=topic)
        subscriber.create_subscription(
            request={"name": subscription, "topic": topic, "enable_exactly_once_delivery": True}
        )
        publish(publisher, topic, b"x")
        [received] = pull(subscriber, subscription)
        ack(subscriber, subscription, received)
        server.restart()
        ack(subscriber, subscription, received)
        assert pull(subscriber, subscription) == []


# Filters


def test_only_messages_that_match_the_filter_are_delivered(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe(filter='attributes.kind = "photo" AND NOT hasPrefix(attributes.album, "test-")')
    publish(publisher, topic, b"no attributes")
    publish(publisher, topic, b"test", kind="photo", album="test-1")
    publish(publisher, topic, b"real", kind="photo", album="spring")
    publish(publisher, topic, b"no album", kind="photo")
    publish(publisher, topic, b"film", kind="film")
    assert sorted(bodies(pull(subscriber, subscription))) == [b"no album", b"real"]


def test_a_filter_finds_its_message_in_a_long_backlog(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscribe()
    subscription = subscribe(filter="attributes:wanted")
    futures = [publisher.publish(topic, b"%d" % i) for i in range(5000)]
    futures.append(publisher.publish(topic, b"needle", wanted=""))
    for future in futures:
        future.result(10)
    response = subscriber.pull(subscription=subscription, max_messages=10, timeout=10)
    assert bodies(response.received_messages) == [b"needle"]


@pytest.mark.parametrize(
    "text",
    [
        "attributes.a",
        "attributes.a = b",
        '"a" = "b"',
        "attributes:a AND attributes:b OR attributes:c",
        "attributes:" + "a" * 250,
    ],
)
def test_an_invalid_filter_is_refused(subscribe: Callable[..., str], text: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="filter"):
        subscribe(filter=text)


# Seek


def test_seek_forward_acknowledges(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publish(publisher, topic, b"1", b"2", b"3")
    pull(subscriber, subscription, limit=1)
    subscriber.seek(request={"subscription": subscription, "time": datetime.now(UTC) + timedelta(hours=1)})
    publish(publisher, topic, b"4")
    assert bodies(pull(subscriber, subscription)) == [b"4"]


def test_seek_back_redelivers_retained_messages(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    forgetful, retaining = subscribe(), subscribe(retain_acked_messages=True)
    publish(publisher, topic, b"1", b"2")
    between = datetime.now(UTC)
    publish(publisher, topic, b"3", b"4")
    for subscription in (forgetful, retaining):
        ack(subscriber, subscription, *pull(subscriber, subscription))
        assert pull(subscriber, subscription) == []
        subscriber.seek(request={"subscription": subscription, "time": between})
    assert bodies(pull(subscriber, forgetful)) == []
    assert bodies(pull(subscriber, retaining)) == [b"3", b"4"]


def test_a_subscription_cannot_seek_to_before_its_creation(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    """Although what was published then is kept for another one."""
    older = subscribe()
    before = datetime.now(UTC) - timedelta(seconds=5)
    publish(publisher, topic, b"1", b"2")
    subscription = subscribe(retain_acked_messages=True)
    publish(publisher, topic, b"3")
    ack(subscriber, subscription, *pull(subscriber, subscription))
    subscriber.seek(request={"subscription": subscription, "time": before})
    assert bodies(pull(subscriber, subscription)) == [b"3"]
    assert bodies(pull(subscriber, older)) == [b"1", b"2", b"3"]


def test_with_topic_retention_a_new_subscription_can_seek_to_before_its_creation(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    publisher.update_topic(
        request={
            "topic": {"name": topic, "message_retention_duration": Duration(seconds=600)},
            "update_mask": {"paths": ["message_retention_duration"]},
        }
    )
    before = datetime.now(UTC) - timedelta(seconds=5)
    publish(publisher, topic, b"1", b"2")
    subscription = subscribe()
    assert subscriber.get_subscription(subscription=subscription).topic_message_retention_duration.seconds == 600
    assert pull(subscriber, subscription) == []
    subscriber.seek(request={"subscription": subscription, "time": before})
    assert bodies(pull(subscriber, subscription)) == [b"1", b"2"]


def test_an_outstanding_message_is_redelivered_after_a_seek_back(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    start = datetime.now(UTC)
    publish(publisher, topic, b"1", b"2")
    [first] = pull(subscriber, subscription, limit=1)
    subscriber.seek(request={"subscription": subscription, "time": start})
    nack(subscriber, subscription, first)
    assert sorted(bodies(pull(subscriber, subscription))) == [b"1", b"2"]


# Detach


def test_a_detached_subscription_has_no_messages(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publish(publisher, topic, b"x")
    publisher.detach_subscription(request={"subscription": subscription})
    assert subscriber.get_subscription(subscription=subscription).detached
    assert list(publisher.list_topic_subscriptions(topic=topic)) == []
    with pytest.raises(exceptions.FailedPrecondition):
        pull(subscriber, subscription)
    subscriber.delete_subscription(subscription=subscription)
