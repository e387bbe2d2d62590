"""Snapshots through the official clients: what they keep, seeking to them, and their life."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.types import PublisherOptions

from support.pubsub_server import PubsubServer, ack, bodies, publish, pull
from support.waiting import wait_until

Publisher = pubsub_v1.PublisherClient
Subscriber = pubsub_v1.SubscriberClient
_numbers = itertools.count(1)


def new_name() -> str:
    return f"projects/contract/snapshots/snapshot-{next(_numbers)}"


def test_seek_to_a_snapshot_restores_what_was_not_acknowledged(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription, other = subscribe(), subscribe()
    publish(publisher, topic, b"1", b"2", b"3", b"4")
    one, two, _three = pull(subscriber, subscription, limit=3)
    ack(subscriber, subscription, one)
    snapshot = subscriber.create_snapshot(name=new_name(), subscription=subscription)
    assert snapshot.topic == topic
    assert timedelta(days=6, hours=23) < snapshot.expire_time - datetime.now(UTC) <= timedelta(days=7)
    ack(subscriber, subscription, two)
    publish(publisher, topic, b"5")
    ack(subscriber, subscription, *pull(subscriber, subscription))
    for name in (subscription, subscription, other):  # also twice, and for another subscription of the topic
        subscriber.seek(request={"subscription": name, "snapshot": snapshot.name})
        received = pull(subscriber, name)
        assert sorted(bodies(received)) == [b"2", b"3", b"4", b"5"]
        ack(subscriber, name, *received)
        assert pull(subscriber, name) == []


def test_a_snapshot_keeps_messages_without_a_subscription_and_over_a_kill(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with PubsubServer(tmp_path_factory.mktemp("snapshots") / "state") as server:
        publisher = server.publisher(publisher_options=PublisherOptions(enable_message_ordering=True))
        subscriber = server.subscriber()
        topic, first, second = "projects/p/topics/top", "projects/p/subscriptions/one", "projects/p/subscriptions/two"
        snapshot = "projects/p/snapshots/snap"
        publisher.create_topic(name=topic)
        for name in (first, second):
            subscriber.create_subscription(request={"name": name, "topic": topic, "enable_message_ordering": True})
        publish(publisher, topic, b"1", b"2", b"3", key="k")
        received = pull(subscriber, first, limit=2)
        subscriber.create_snapshot(request={"name": snapshot, "subscription": first, "labels": {"a": "b"}})
        ack(subscriber, first, *received)
        subscriber.delete_subscription(subscription=first)
        server.restart()
        publish(publisher, topic, b"4", key="k")
        assert dict(subscriber.get_snapshot(snapshot=snapshot).labels) == {"a": "b"}
        subscriber.seek(request={"subscription": second, "time": datetime.now(UTC) + timedelta(hours=1)})
        assert pull(subscriber, second) == []
        subscriber.seek(request={"subscription": second, "snapshot": snapshot})
        server.restart()
        assert bodies(wait_until(lambda: pull(subscriber, second), "the messages")) == [b"1", b"2", b"3", b"4"]


def test_snapshots_are_listed_updated_and_deleted(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    names = sorted(new_name().replace("contract", "listed") for _ in range(3))
    for name in names:
        subscriber.create_snapshot(name=name, subscription=subscription)
    with pytest.raises(exceptions.AlreadyExists):
        subscriber.create_snapshot(name=names[0], subscription=subscription)
    unnamed = subscriber.create_snapshot(request={"subscription": subscription})
    assert unnamed.name.startswith("projects/contract/snapshots/")
    listed = subscriber.list_snapshots(request={"project": "projects/listed", "page_size": 2})
    assert [snapshot.name for snapshot in listed] == names
    assert set(publisher.list_topic_snapshots(topic=topic)) == {*names, unnamed.name}
    expire_time = datetime.now(UTC) + timedelta(hours=2)
    updated = subscriber.update_snapshot(
        request={
            "snapshot": {"name": names[0], "labels": {"c": "d"}, "expire_time": expire_time},
            "update_mask": {"paths": ["labels", "expire_time"]},
        }
    )
    assert dict(updated.labels) == {"c": "d"}
    assert subscriber.get_snapshot(snapshot=names[0]) == updated
    for fields, paths in (
        ({"topic": topic}, ["topic"]),
        ({"expire_time": datetime.now(UTC) + timedelta(days=8)}, ["expire_time"]),
        ({"labels": {"A": "b"}}, ["labels"]),
        ({}, []),
    ):
        with pytest.raises(exceptions.InvalidArgument):
            subscriber.update_snapshot(
                request={"snapshot": {"name": names[0], **fields}, "update_mask": {"paths": paths}}
            )
    publisher.delete_topic(topic=topic)
    assert subscriber.get_snapshot(snapshot=names[0]).topic == "_deleted-topic_"
    for name in names:
        subscriber.delete_snapshot(snapshot=name)
    assert list(subscriber.list_snapshots(project="projects/listed")) == []
    for call in (
        lambda: subscriber.get_snapshot(snapshot=names[0]),
        lambda: subscriber.delete_snapshot(snapshot=names[0]),
        lambda: subscriber.seek(request={"subscription": subscription, "snapshot": names[0]}),
        lambda: subscriber.create_snapshot(name=names[0], subscription="projects/contract/subscriptions/none"),
    ):
        with pytest.raises(exceptions.NotFound):
            call()


def test_a_snapshot_is_of_one_topic(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    snapshot = subscriber.create_snapshot(name=new_name(), subscription=subscribe())
    other = f"{topic}-other"
    publisher.create_topic(name=other)
    subscription = other.replace("topics/", "subscriptions/")
    subscriber.create_subscription(name=subscription, topic=other)
    with pytest.raises(exceptions.InvalidArgument, match="different topics"):
        subscriber.seek(request={"subscription": subscription, "snapshot": snapshot.name})
    with pytest.raises(exceptions.InvalidArgument, match="Invalid resource name"):
        subscriber.create_snapshot(name="projects/contract/snapshots/1", subscription=subscription)
