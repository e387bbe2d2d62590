"""Creates, changes and deletes topics and subscriptions, and passes messages from one to the other.

Runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.cleanup import Cleanup
from photofinish_emulators.pubsub.delivery import DeliveryQueue
from photofinish_emulators.pubsub.errors import already_exists, not_found
from photofinish_emulators.pubsub.limits import project_of, seconds
from photofinish_emulators.pubsub.outstanding import Outstanding
from photofinish_emulators.pubsub.resources import delivery_settings
from photofinish_emulators.pubsub.schema_registry import SchemaRegistry
from photofinish_emulators.pubsub.service_agent import ServiceAgent
from photofinish_emulators.pubsub.snapshots import Snapshots
from photofinish_emulators.pubsub.store import Message, Store, now_us, written
from photofinish_emulators.pubsub.topics import Pusher, Subscription, Topic

log = logging.getLogger(__name__)


class Broker:
    """All topics and subscriptions of the server.

    ``make_pusher`` starts delivery to a push endpoint; ``on_failure`` is called when cleaning up fails.
    """

    def __init__(
        self,
        store: Store,
        make_pusher: Callable[[Subscription], Pusher],
        on_failure: Callable[[BaseException], None],
        agent: ServiceAgent | None = None,
    ) -> None:
        self.store = store
        self._agent = agent or ServiceAgent(None)
        self.topics: dict[str, Topic] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self._make_pusher = make_pusher
        self._loop = asyncio.get_running_loop()
        self.cleanup = Cleanup(store, self.topics, self.subscriptions, self.delete_subscription)
        self.schemas = SchemaRegistry(store)
        by_id: dict[int, Topic] = {}
        for topic_id, name, config, deleted in store.topics():
            topic = by_id[topic_id] = Topic(topic_id, name, protos.Topic.FromString(config), deleted)
            if deleted:
                self.cleanup.deleted_topics.add(topic)
            else:
                self.topics[name] = topic
        for subscription_id, _, topic_id, config, start_id, cursor in store.subscriptions():
            self._add(subscription_id, protos.Subscription.FromString(config), by_id[topic_id], start_id, cursor)
        self.snapshots = Snapshots(store, self.cleanup, by_id.values())
        self._cleaning = asyncio.create_task(self.cleanup.run(self.snapshots.expire), name="cleanup")

        def on_end(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                on_failure(error)

        self._cleaning.add_done_callback(on_end)

    async def close(self) -> None:
        self._cleaning.cancel()
        for subscription in self.subscriptions.values():
            if subscription.pusher is not None:
                subscription.pusher.stop()
            subscription.queue.close()

    # Topics

    def topic(self, name: str) -> Topic:
        if (topic := self.topics.get(name)) is None:
            raise not_found(name)
        return topic

    async def create_topic(self, config: Any) -> Topic:
        try:
            topic_id = await written(self.store.create_topic(config.name, config.SerializeToString()))
        except sqlite3.IntegrityError as error:
            raise already_exists(config.name) from error
        topic = self.topics[config.name] = Topic(topic_id, config.name, config)
        return topic

    async def update_topic(self, topic: Topic, config: Any) -> None:
        topic.config = config
        await written(self.store.update_topic(topic.id, config.SerializeToString()))

    async def delete_topic(self, topic: Topic) -> None:
        """Delete the topic; its subscriptions stay and deliver the messages they have."""
        del self.topics[topic.name]
        topic.deleted = True
        self.cleanup.deleted_topics.add(topic)
        self.store.delete_policy(topic.name)
        await written(self.store.delete_topic(topic.id))

    # Subscriptions

    def subscription(self, name: str) -> Subscription:
        if (subscription := self.subscriptions.get(name)) is None:
            raise not_found(name)
        subscription.touch()
        return subscription

    async def create_subscription(self, config: Any) -> Subscription:
        topic = self.topic(config.topic)
        self.check_dead_letter_topic(config)
        start_id = self.store.last_id
        try:
            subscription_id = await written(
                self.store.create_subscription(config.name, topic.id, config.SerializeToString(), start_id)
            )
        except sqlite3.IntegrityError as error:
            raise already_exists(config.name) from error
        return self._add(subscription_id, config, topic, start_id, start_id)

    def check_dead_letter_topic(self, config: Any) -> None:
        if config.HasField("dead_letter_policy"):
            self.topic(config.dead_letter_policy.dead_letter_topic)

    def _add(self, subscription_id: int, config: Any, topic: Topic, start_id: int, cursor: int) -> Subscription:
        subscription: Subscription

        def dead_letter(message: Outstanding) -> bool:
            return self._dead_letter(subscription, message)

        def finished(message_ids: Sequence[int]) -> None:
            self.cleanup.delete_unused(topic, message_ids)

        queue = DeliveryQueue(
            self.store, subscription_id, topic.id, cursor, delivery_settings(config), dead_letter, finished
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
        await written(self.store.update_subscription(subscription.id, config.SerializeToString()))

    def _start_pushing(self, subscription: Subscription) -> None:
        if subscription.pusher is not None:
            subscription.pusher.stop()
            subscription.pusher = None
        if subscription.config.push_config.push_endpoint:
            subscription.pusher = self._make_pusher(subscription)

    async def delete_subscription(self, subscription: Subscription) -> None:
        del self.subscriptions[subscription.name]
        self._detach(subscription, not_found(subscription.name))
        self.store.delete_policy(subscription.name)
        await written(self.store.delete_subscription(subscription.id))

    async def detach_subscription(self, subscription: Subscription, reason: Exception) -> None:
        """Drop all messages of a subscription, now and in the future; it keeps its name and configuration."""
        subscription.config.detached = True
        self._detach(subscription, reason)
        self.store.reposition(subscription.id, None, self.store.last_id)
        await written(self.store.update_subscription(subscription.id, subscription.config.SerializeToString()))

    def _detach(self, subscription: Subscription, reason: Exception) -> None:
        """Remove a subscription from its topic; calls that wait for its messages fail with ``reason``."""
        subscription.topic.subscriptions.pop(subscription.id, None)
        if subscription.pusher is not None:
            subscription.pusher.stop()
            subscription.pusher = None
        subscription.gone = reason
        outstanding = list(subscription.queue.outstanding)
        subscription.queue.close()
        self.cleanup.delete_unused(subscription.topic, outstanding)

    async def seek(self, subscription: Subscription, to_us: int) -> None:
        """Acknowledge everything published before ``to_us``, and deliver again what was published since and is kept.

        A time in the future means now: messages published after the call are delivered.
        """
        queue, topic = subscription.queue, subscription.topic
        kept_from: int | None = None
        if not topic.deleted and topic.config.HasField("message_retention_duration"):
            kept_from = now_us() - int(seconds(topic.config.message_retention_duration) * 1e6)
        if subscription.retains:
            own = now_us() - int(seconds(subscription.config.message_retention_duration) * 1e6)
            own = max(own, subscription.start_id + 1)
            kept_from = own if kept_from is None else min(kept_from, own)
        to_us = min(to_us, self.store.last_id + 1)
        if to_us > queue.cursor or kept_from is None:
            saved = queue.drop_before(to_us)
        else:
            saved = queue.replay_from(max(to_us, kept_from))
        if saved is not None:
            await written(saved)

    # Messages

    async def publish(self, topic: Topic, messages: Iterable[Any]) -> list[int]:
        """Publish ``messages`` (``PubsubMessage``); return their ids once they are on disk."""
        stored = [self._stored(message) for message in messages]
        if topic.keeps_messages:
            future = self.store.publish(topic.id, stored)
            self._deliver_once_written(future, topic, stored)
            await written(future)
        return [message.id for message in stored]

    def _stored(self, message: Any) -> Message:
        """Give a message its id and publish time."""
        message_id = self.store.next_id()
        message.message_id = str(message_id)
        message.publish_time.FromMicroseconds(message_id)
        return Message(message_id, message.ordering_key, message.SerializeToString())

    def _deliver_once_written(self, future: Future[None], topic: Topic, messages: Sequence[Message]) -> None:
        def deliver() -> None:
            for subscription in topic.subscriptions.values():
                subscription.queue.add_published(messages)

        self._once_written(future, deliver)

    def _dead_letter(self, subscription: Subscription, outstanding: Outstanding) -> bool:
        """Forward a message to the dead-letter topic; False when that does not exist, or a permission is missing."""
        topic = self.topics.get(subscription.config.dead_letter_policy.dead_letter_topic)
        body = self.store.bodies([outstanding.message_id]).get(outstanding.message_id)
        if topic is None or body is None or not self._agent.may_forward(subscription.name, topic.name):
            return False
        message = protos.PubsubMessage.FromString(body)
        published = datetime.fromtimestamp(outstanding.message_id / 1e6, UTC)
        message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(outstanding.failures)
        message.attributes["CloudPubSubDeadLetterSourceSubscription"] = subscription.name.rsplit("/", 1)[-1]
        message.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = project_of(subscription.name)
        message.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = published.isoformat(timespec="milliseconds")
        stored = [self._stored(message)] if topic.keeps_messages else []
        future = self.store.move_to_topic(subscription.id, outstanding.message_id, topic.id, stored)
        self._deliver_once_written(future, topic, stored)
        self._once_written(future, lambda: subscription.queue.forwarded(outstanding))
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

    def _once_written(self, future: Future[None], call: Callable[[], None]) -> None:
        # Callbacks of these futures run in the order of the writes; queues need message ids in rising order.
        def on_done(done: Future[None]) -> None:
            if done.exception() is None:
                self._loop.call_soon_threadsafe(call)

        future.add_done_callback(on_done)
