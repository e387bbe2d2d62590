"""Topics, subscriptions and the way of a message between them. Runs on the event loop's thread."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.delivery import DeliveryQueue
from photofinish_emulators.pubsub.outstanding import Outstanding, now_us
from photofinish_emulators.pubsub.resources import DELETED_TOPIC, delivery_settings, project_of, seconds
from photofinish_emulators.pubsub.rpc import AlreadyExists, NotFound
from photofinish_emulators.pubsub.storage import Message, Storage

log = logging.getLogger(__name__)
SWEEP_INTERVAL_S = 1.0
EXPIRY_INTERVAL_S = 30.0
DELETE_LIMIT = 10_000  # messages a write, so that clearing up does not hold up the others


@dataclass(slots=True, eq=False)
class Topic:
    id: int
    name: str
    config: Any
    deleted: bool = False
    subscriptions: dict[int, Subscription] = field(default_factory=dict)  # attached ones, by id
    # Messages up to here are deleted, but for those that were outstanding when the sweep came by.
    swept_id: int = 0

    @property
    def retention_us(self) -> int:
        """How long messages stay after everybody has acknowledged them."""
        durations = [seconds(s.config.message_retention_duration) for s in self.subscriptions.values() if s.retains]
        if not self.deleted and self.config.HasField("message_retention_duration"):
            durations.append(seconds(self.config.message_retention_duration))
        return int(max(durations, default=0) * 1e6)


@dataclass(slots=True, eq=False)
class Subscription:
    id: int
    config: Any
    topic: Topic
    start_id: int
    queue: DeliveryQueue
    pusher: Pusher | None = None
    gone: Exception | None = None  # why those who wait on it have to stop
    active_at: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        return str(self.config.name)

    @property
    def retains(self) -> bool:
        return bool(self.config.retain_acked_messages)

    def touch(self) -> None:
        """Somebody uses it: it does not expire."""
        self.active_at = time.monotonic()


class Pusher(Protocol):
    """Delivers a subscription to its endpoint until stopped."""

    def stop(self) -> None: ...


class Broker:
    """Everything the server knows. ``make_pusher`` starts the delivery to a push endpoint; ``on_failure`` is told
    when clearing up has ended with an error."""

    def __init__(
        self,
        storage: Storage,
        make_pusher: Callable[[Subscription], Pusher],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.storage = storage
        self.topics: dict[str, Topic] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self._make_pusher = make_pusher
        self._loop = asyncio.get_running_loop()
        self._deleted_topics: set[Topic] = set()
        self._last_id = storage.newest_id()
        by_id: dict[int, Topic] = {}
        for topic_id, name, config, deleted in storage.topics():
            topic = by_id[topic_id] = Topic(topic_id, name, protos.Topic.FromString(config), deleted)
            if deleted:
                self._deleted_topics.add(topic)
            else:
                self.topics[name] = topic
        for subscription_id, _, topic_id, config, start_id, cursor in storage.subscriptions():
            self._add(subscription_id, protos.Subscription.FromString(config), by_id[topic_id], start_id, cursor)
        self._maintenance = asyncio.create_task(self._maintain(), name="maintenance")

        def on_end(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                on_failure(error)

        self._maintenance.add_done_callback(on_end)

    async def close(self) -> None:
        self._maintenance.cancel()
        for subscription in self.subscriptions.values():
            if subscription.pusher is not None:
                subscription.pusher.stop()
            subscription.queue.close()

    # Topics

    def topic(self, name: str) -> Topic:
        if (topic := self.topics.get(name)) is None:
            raise NotFound(name)
        return topic

    async def create_topic(self, config: Any) -> Topic:
        try:
            topic_id = await self.saved(self.storage.create_topic(config.name, config.SerializeToString()))
        except sqlite3.IntegrityError as error:
            raise AlreadyExists(config.name) from error
        topic = self.topics[config.name] = Topic(topic_id, config.name, config)
        return topic

    async def update_topic(self, topic: Topic, config: Any) -> None:
        topic.config = config
        await self.saved(self.storage.update_topic(topic.id, config.SerializeToString()))

    async def delete_topic(self, topic: Topic) -> None:
        """Its subscriptions stay and deliver what they have."""
        del self.topics[topic.name]
        topic.deleted = True
        self._deleted_topics.add(topic)
        self.storage.delete_policy(topic.name)
        await self.saved(self.storage.delete_topic(topic.id))

    # Subscriptions

    def subscription(self, name: str) -> Subscription:
        if (subscription := self.subscriptions.get(name)) is None:
            raise NotFound(name)
        subscription.touch()
        return subscription

    async def create_subscription(self, config: Any) -> Subscription:
        topic = self.topic(config.topic)
        self.check_dead_letter_topic(config)
        start_id = self._last_id
        try:
            subscription_id = await self.saved(
                self.storage.create_subscription(config.name, topic.id, config.SerializeToString(), start_id)
            )
        except sqlite3.IntegrityError as error:
            raise AlreadyExists(config.name) from error
        return self._add(subscription_id, config, topic, start_id, start_id)

    def check_dead_letter_topic(self, config: Any) -> None:
        if config.HasField("dead_letter_policy"):
            self.topic(config.dead_letter_policy.dead_letter_topic)

    def _add(self, subscription_id: int, config: Any, topic: Topic, start_id: int, cursor: int) -> Subscription:
        subscription: Subscription

        def dead_letter(message: Outstanding) -> bool:
            return self._dead_letter(subscription, message)

        def gone(message_ids: Sequence[int]) -> None:
            self._clear_late(topic, message_ids)

        queue = DeliveryQueue(
            self.storage, subscription_id, topic.id, cursor, delivery_settings(config), dead_letter, gone
        )
        subscription = Subscription(subscription_id, config, topic, start_id, queue)
        self.subscriptions[config.name] = subscription
        if not config.detached:
            topic.subscriptions[subscription_id] = subscription
            self._start_pushing(subscription)
        return subscription

    async def update_subscription(self, subscription: Subscription, config: Any) -> None:
        self.check_dead_letter_topic(config)
        push_changed = config.push_config != subscription.config.push_config
        deadline_changed = config.ack_deadline_seconds != subscription.config.ack_deadline_seconds
        subscription.config = config
        subscription.queue.settings = delivery_settings(config)
        if (push_changed or deadline_changed) and not config.detached:
            self._start_pushing(subscription)
        subscription.queue.wake.set()
        await self.saved(self.storage.update_subscription(subscription.id, config.SerializeToString()))

    def _start_pushing(self, subscription: Subscription) -> None:
        if subscription.pusher is not None:
            subscription.pusher.stop()
            subscription.pusher = None
        if subscription.config.push_config.push_endpoint:
            subscription.pusher = self._make_pusher(subscription)

    async def delete_subscription(self, subscription: Subscription) -> None:
        del self.subscriptions[subscription.name]
        self._part(subscription, NotFound(subscription.name))
        self.storage.delete_policy(subscription.name)
        await self.saved(self.storage.delete_subscription(subscription.id))

    async def detach_subscription(self, subscription: Subscription, reason: Exception) -> None:
        """It keeps its name and configuration, and has no messages from now on."""
        subscription.config.detached = True
        self._part(subscription, reason)
        self.storage.reposition(subscription.id, None, self._last_id)
        await self.saved(self.storage.update_subscription(subscription.id, subscription.config.SerializeToString()))

    def _part(self, subscription: Subscription, reason: Exception) -> None:
        """Take a subscription off its topic; whoever waits on it is told why."""
        subscription.topic.subscriptions.pop(subscription.id, None)
        if subscription.pusher is not None:
            subscription.pusher.stop()
            subscription.pusher = None
        subscription.gone = reason
        outstanding = list(subscription.queue.outstanding)
        subscription.queue.close()
        self._clear_late(subscription.topic, outstanding)

    async def seek(self, subscription: Subscription, to_us: int) -> None:
        """What was published before is acknowledged, what was published since is not, as far as it is still kept.

        A time in the future stands for now: messages that come after the call are delivered.
        """
        queue, topic = subscription.queue, subscription.topic
        kept_from: int | None = None
        if not topic.deleted and topic.config.HasField("message_retention_duration"):
            kept_from = now_us() - int(seconds(topic.config.message_retention_duration) * 1e6)
        if subscription.retains:
            own = now_us() - int(seconds(subscription.config.message_retention_duration) * 1e6)
            own = max(own, subscription.start_id + 1)
            kept_from = own if kept_from is None else min(kept_from, own)
        to_us = min(to_us, self._last_id + 1)
        if to_us > queue.cursor or kept_from is None:
            saved = queue.drop_before(to_us)
        else:
            saved = queue.replay_from(max(to_us, kept_from))
        if saved is not None:
            await self.saved(saved)

    # Messages

    async def publish(self, topic: Topic, messages: Iterable[Any]) -> list[int]:
        """The ids of ``messages`` (``PubsubMessage``), once they are on disk."""
        stored = [self._stored(message) for message in messages]
        if topic.subscriptions or topic.retention_us:
            future = self.storage.publish(topic.id, stored)
            self._offer_when_saved(future, topic, stored)
            await self.saved(future)
        return [message.id for message in stored]

    def _stored(self, message: Any) -> Message:
        """Give a message its id and time."""
        self._last_id = max(self._last_id + 1, now_us())
        message.message_id = str(self._last_id)
        message.publish_time.FromMicroseconds(self._last_id)
        return Message(self._last_id, message.ordering_key, message.SerializeToString())

    def _offer_when_saved(self, future: Future[None], topic: Topic, messages: Sequence[Message]) -> None:
        # Through the future's own callback, which comes in the order of the writes: queues want ids to rise.
        def offer() -> None:
            for subscription in topic.subscriptions.values():
                subscription.queue.offer(messages)

        def on_saved(done: Future[None]) -> None:
            if done.exception() is None:
                self._loop.call_soon_threadsafe(offer)

        future.add_done_callback(on_saved)

    def _dead_letter(self, subscription: Subscription, outstanding: Outstanding) -> bool:
        """Forward a message to the dead-letter topic; False when there is none."""
        topic = self.topics.get(subscription.config.dead_letter_policy.dead_letter_topic)
        body = self.storage.bodies([outstanding.message_id]).get(outstanding.message_id)
        if topic is None or body is None:
            return False
        message = protos.PubsubMessage.FromString(body)
        published = datetime.fromtimestamp(outstanding.message_id / 1e6, UTC)
        message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(outstanding.failures)
        message.attributes["CloudPubSubDeadLetterSourceSubscription"] = subscription.name.rsplit("/", 1)[-1]
        message.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = project_of(subscription.name)
        message.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = published.isoformat(timespec="milliseconds")
        stored = [self._stored(message)] if topic.subscriptions or topic.retention_us else []
        future = self.storage.move_to_topic(subscription.id, outstanding.message_id, topic.id, stored)
        self._offer_when_saved(future, topic, stored)
        self._then(future, lambda: subscription.queue.forwarded(outstanding))
        log.info(
            "dead letter",
            extra={
                "fields": {
                    "subscription": subscription.name,
                    "topic": topic.name,
                    "message_id": outstanding.message_id,
                    "attempts": outstanding.failures,
                }
            },
        )
        return True

    def _then(self, future: Future[None], call: Callable[[], None]) -> None:
        def on_saved(done: Future[None]) -> None:
            if done.exception() is None:
                self._loop.call_soon_threadsafe(call)

        future.add_done_callback(on_saved)

    # Clearing up

    def _clear_late(self, topic: Topic, message_ids: Sequence[int]) -> None:
        """Delete messages that the sweep left because they were outstanding."""
        others = [subscription.queue.outstanding for subscription in topic.subscriptions.values()]
        unused = [i for i in message_ids if i <= topic.swept_id and not any(i in outstanding for outstanding in others)]
        if unused:
            self.storage.delete_ids(unused)

    async def _maintain(self) -> None:
        last_expiry = time.monotonic()
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            if time.monotonic() - last_expiry >= EXPIRY_INTERVAL_S:
                last_expiry = time.monotonic()
                for subscription in list(self.subscriptions.values()):
                    await self._expire(subscription)
            for topic in [*self.topics.values(), *self._deleted_topics]:
                await self._sweep(topic)

    async def _expire(self, subscription: Subscription) -> None:
        config = subscription.config
        if subscription.pusher is not None or subscription.queue.consumers:
            subscription.touch()
        ttl_s = seconds(config.expiration_policy.ttl)
        if ttl_s and time.monotonic() - subscription.active_at > ttl_s:
            log.info("subscription expired", extra={"fields": {"subscription": subscription.name, "ttl_s": ttl_s}})
            await self.delete_subscription(subscription)
        elif not config.detached:
            subscription.queue.drop_before(now_us() - int(seconds(config.message_retention_duration) * 1e6))

    async def _sweep(self, topic: Topic) -> None:
        """Delete what no subscription needs and nothing retains."""
        attached = topic.subscriptions.values()
        bound = min((s.queue.cursor for s in attached), default=self._last_id)
        if retention_us := topic.retention_us:
            bound = min(bound, now_us() - retention_us)
        after_id = topic.swept_id
        deleted = DELETE_LIMIT if bound > after_id else 0
        while deleted == DELETE_LIMIT:
            keep = {i for s in topic.subscriptions.values() for i in s.queue.outstanding if after_id < i <= bound}
            topic.swept_id = bound  # before the wait: what is acknowledged meanwhile is _clear_late's
            deleted = await self.saved(
                self.storage.delete_messages(topic.id, after_id, bound, list(keep), DELETE_LIMIT)
            )
        if topic in self._deleted_topics and not self._is_used(topic):
            self._deleted_topics.discard(topic)
            await self.saved(self.storage.purge_topic(topic.id))

    def _is_used(self, topic: Topic) -> bool:
        return any(subscription.topic is topic for subscription in self.subscriptions.values())

    @staticmethod
    async def saved(future: Future[Any]) -> Any:
        """The future's result, once it is on disk; cancelling the wait does not cancel the write."""
        return await asyncio.shield(asyncio.wrap_future(future))


def topic_name(subscription: Subscription) -> str:
    """The topic as the API shows it."""
    return DELETED_TOPIC if subscription.topic.deleted else subscription.topic.name
