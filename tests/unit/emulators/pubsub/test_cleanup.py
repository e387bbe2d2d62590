"""Retention and expiration over days, and which messages are deleted from disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import pytest

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.pubsub import cleanup, protos, snapshots
from photofinish_emulators.pubsub.broker import Broker
from photofinish_emulators.pubsub.outstanding import Consumer, Delivery
from photofinish_emulators.pubsub.resources import DAY_S, new_subscription, new_topic
from photofinish_emulators.pubsub.store import Store, now_us, written
from photofinish_emulators.pubsub.topics import Subscription, Topic

TOPIC, SUBSCRIPTION = "projects/p/topics/top", "projects/p/subscriptions/sub"


def no_pusher(_subscription: Subscription) -> NoReturn:
    raise AssertionError("nothing is pushed here")


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[Broker], Awaitable[None]]], None]:
    """Runs an asynchronous function on a broker with an empty state directory."""

    def with_broker(body: Callable[[Broker], Awaitable[None]]) -> None:
        async def play() -> None:
            failures: list[BaseException] = []
            store = Store(tmp_path / "db", failures.append)
            broker = Broker(store, no_pusher, failures.append)
            try:
                await body(broker)
            finally:
                await broker.close()
                store.close()
            assert not failures

        asyncio.run(play())

    return with_broker


async def create(broker: Broker, name: str = SUBSCRIPTION, **fields: Any) -> tuple[Topic, Subscription]:
    if TOPIC not in broker.topics:
        await broker.create_topic(new_topic(protos.Topic(name=TOPIC)))
    config = new_subscription(protos.Subscription(name=name, topic=TOPIC, **fields))
    return broker.topic(TOPIC), await broker.create_subscription(config)


async def publish(broker: Broker, *bodies: bytes) -> list[int]:
    return await broker.publish(broker.topic(TOPIC), [protos.PubsubMessage(data=body) for body in bodies])


async def take(subscription: Subscription, limit: int = 100) -> list[Delivery]:
    return await subscription.queue.take_written(Consumer(), limit, 1_000_000, 60)


def on_disk(broker: Broker, topic: Topic) -> list[int]:
    messages, _ = broker.store.messages_after(topic.id, 0, 1000, 1_000_000)
    return [message.id for message in messages]


@contextmanager
def later(seconds: float) -> Iterator[None]:
    """Clean up as if it were that much later."""

    def now() -> int:
        return now_us() + int(seconds * 1e6)

    with mock.patch.object(cleanup, "now_us", side_effect=now), mock.patch.object(snapshots, "now_us", side_effect=now):
        yield


def test_messages_are_deleted_once_every_subscription_has_acknowledged_them(run: Callable[..., None]) -> None:
    async def body(broker: Broker) -> None:
        topic, first = await create(broker)
        _, second = await create(broker, name=SUBSCRIPTION + "2")
        ids = await publish(broker, b"1", b"2", b"3")
        for delivery in await take(first):
            first.queue.settle(delivery, accepted=True)
        await broker.cleanup.sweep(topic)
        assert on_disk(broker, topic) == ids, "the second subscription has not even seen them"

        one, two, three = await take(second)
        second.queue.settle(two, accepted=True)
        await broker.cleanup.sweep(topic)
        assert on_disk(broker, topic) == [ids[0], ids[2]], "two are outstanding"

        # After the sweep, each is deleted with its last acknowledgement.
        second.queue.settle(one, accepted=True)
        second.queue.settle(three, accepted=True)
        await written(broker.store.delete_ids([]))
        assert on_disk(broker, topic) == []

    run(body)


def test_a_deleted_subscription_leaves_no_messages(run: Callable[..., None]) -> None:
    async def body(broker: Broker) -> None:
        topic, subscription = await create(broker)
        await publish(broker, b"1", b"2")
        await take(subscription, limit=1)
        await broker.delete_subscription(subscription)
        await broker.cleanup.sweep(topic)
        assert on_disk(broker, topic) == []
        await publish(broker, b"3")
        assert on_disk(broker, topic) == [], "without a subscription nothing is kept"

    run(body)


def test_a_deleted_topic_is_purged_with_its_last_subscription(run: Callable[..., None]) -> None:
    async def body(broker: Broker) -> None:
        topic, subscription = await create(broker)
        await publish(broker, b"1")
        await broker.delete_topic(topic)
        await broker.cleanup.sweep(topic)
        assert len(await take(subscription)) == 1
        assert len(broker.store.topics()) == 1
        await broker.delete_subscription(subscription)
        await broker.cleanup.sweep(topic)
        assert broker.store.topics() == []
        assert on_disk(broker, topic) == []

    run(body)


def test_unacknowledged_messages_are_kept_for_the_retention_time(run: Callable[..., None]) -> None:
    async def body(broker: Broker) -> None:
        topic, subscription = await create(broker)
        ids = await publish(broker, b"held", b"new")
        [held] = await take(subscription, limit=1)
        with later(7 * DAY_S - 60):
            await broker.cleanup.expire(subscription)
            await broker.cleanup.sweep(topic)
            assert on_disk(broker, topic) == ids
        with later(7 * DAY_S + 1):
            await broker.cleanup.expire(subscription)
            await broker.cleanup.sweep(topic)
        assert not held.is_held
        assert await take(subscription) == []
        assert on_disk(broker, topic) == []

    run(body)


@pytest.mark.parametrize("of", ["topic", "subscription"])
def test_acknowledged_messages_are_kept_for_the_retention_time(run: Callable[..., None], of: str) -> None:
    async def body(broker: Broker) -> None:
        topic, subscription = await create(broker, retain_acked_messages=of == "subscription")
        if of == "topic":
            topic.config.message_retention_duration.seconds = 7 * DAY_S
        ids = await publish(broker, b"1", b"2")
        for delivery in await take(subscription):
            subscription.queue.settle(delivery, accepted=True)
        with later(7 * DAY_S - 60):
            await broker.cleanup.sweep(topic)
            assert on_disk(broker, topic) == ids
        with later(7 * DAY_S + 1):
            await broker.cleanup.sweep(topic)
            assert on_disk(broker, topic) == []

    run(body)


def test_an_unused_subscription_expires(run: Callable[..., None]) -> None:
    async def body(broker: Broker) -> None:
        _, used = await create(broker)
        _, unused = await create(broker, name=SUBSCRIPTION + "2")
        _, eternal = await create(broker, name=SUBSCRIPTION + "3", expiration_policy={})
        for subscription in (used, unused, eternal):
            subscription.active_at -= 31 * DAY_S + 1
        broker.subscription(used.name)
        for subscription in (used, unused, eternal):
            await broker.cleanup.expire(subscription)
        assert broker.subscriptions.keys() == {used.name, eternal.name}

    run(body)


def test_a_snapshot_keeps_its_messages_until_it_expires(run: Callable[..., None]) -> None:
    async def body(broker: Broker) -> None:
        topic, subscription = await create(broker)
        ids = await publish(broker, b"1", b"2", b"3")
        first, second = await take(subscription, limit=2)
        subscription.queue.settle(first, accepted=True)
        snapshot = await broker.snapshots.create(subscription, "projects/p/snapshots/snap", {})
        subscription.queue.settle(second, accepted=True)
        for delivery in await take(subscription):
            subscription.queue.settle(delivery, accepted=True)
        await broker.cleanup.sweep(topic)
        assert on_disk(broker, topic) == ids[1:], "the second was not acknowledged, the third not delivered yet"
        with later(7 * DAY_S - 60):
            await broker.snapshots.expire()
        assert broker.snapshots.by_name == {snapshot.name: snapshot}
        with later(7 * DAY_S + 1):
            await broker.snapshots.expire()
        assert broker.snapshots.by_name == {}
        await broker.cleanup.sweep(topic)
        assert on_disk(broker, topic) == []

    run(body)


def test_a_snapshot_lives_as_long_as_its_oldest_message_leaves(run: Callable[..., None]) -> None:
    async def body(broker: Broker) -> None:
        _, subscription = await create(broker, message_retention_duration={"seconds": 31 * DAY_S})
        [oldest] = await publish(broker, b"1")
        with later(3 * DAY_S):
            snapshot = await broker.snapshots.create(subscription, "projects/p/snapshots/snap", {})
        assert snapshot.config.expire_time.ToMicroseconds() == oldest + 7 * DAY_S * 1_000_000
        with later(7 * DAY_S - 3500), pytest.raises(Refused, match="less than 1 hour"):
            await broker.snapshots.create(subscription, "projects/p/snapshots/snap2", {})

    run(body)
