"""Deletes messages that no subscription needs any more, deleted topics without messages, and expired subscriptions."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

from photofinish_emulators.pubsub.limits import seconds
from photofinish_emulators.pubsub.store import Store, now_us, written
from photofinish_emulators.pubsub.topics import Subscription, Topic

log = logging.getLogger(__name__)
SWEEP_INTERVAL_S = 1.0
EXPIRY_INTERVAL_S = 30.0
DELETE_LIMIT = 10_000  # messages per write, so that cleaning up does not delay other writes


class Cleanup:
    """``topics`` and ``subscriptions``, by name, are the server's own; ``delete`` deletes an expired subscription."""

    def __init__(
        self,
        store: Store,
        topics: dict[str, Topic],
        subscriptions: dict[str, Subscription],
        delete: Callable[[Subscription], Awaitable[None]],
    ) -> None:
        self.deleted_topics: set[Topic] = set()  # that still have messages
        self._store = store
        self._topics = topics
        self._subscriptions = subscriptions
        self._delete = delete

    async def run(self, expire_snapshots: Callable[[], Awaitable[None]]) -> None:
        """Clean up until cancelled."""
        last_expiry = time.monotonic()
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            if time.monotonic() - last_expiry >= EXPIRY_INTERVAL_S:
                last_expiry = time.monotonic()
                for subscription in list(self._subscriptions.values()):
                    await self.expire(subscription)
                await expire_snapshots()
            for topic in [*self._topics.values(), *self.deleted_topics]:
                await self.sweep(topic)

    async def expire(self, subscription: Subscription) -> None:
        """Delete a subscription that has been unused for too long, or else its messages past their retention."""
        config = subscription.config
        if subscription.pusher is not None or subscription.queue.consumers:
            subscription.touch()
        ttl_s = seconds(config.expiration_policy.ttl)
        if ttl_s and time.monotonic() - subscription.active_at > ttl_s:
            log.info("subscription expired", extra={"fields": {"subscription": subscription.name, "ttl_s": ttl_s}})
            await self._delete(subscription)
        elif not config.detached:
            subscription.queue.drop_before(now_us() - int(seconds(config.message_retention_duration) * 1e6))

    async def sweep(self, topic: Topic) -> None:
        """Delete the topic's messages that every subscription has taken and that are not retained."""
        attached = topic.subscriptions.values()
        cursors = [*(s.queue.cursor for s in attached), *(snapshot.cursor for snapshot in topic.snapshots)]
        bound = min(cursors, default=self._store.last_id)
        if retention_us := topic.retention_us:
            bound = min(bound, now_us() - retention_us)
        after_id = topic.swept_id
        deleted = DELETE_LIMIT if bound > after_id else 0
        while deleted == DELETE_LIMIT:
            keep = {i for needed in _needed(topic) for i in needed if after_id < i <= bound}
            topic.swept_id = bound  # before waiting: `delete_unused` handles acknowledgements from now on
            deleted = await written(self._store.delete_messages(topic.id, after_id, bound, list(keep), DELETE_LIMIT))
        if topic in self.deleted_topics and not self._is_used(topic):
            self.deleted_topics.discard(topic)
            await written(self._store.purge_topic(topic.id))

    def delete_unused(self, topic: Topic, message_ids: Sequence[int]) -> None:
        """Delete messages that the last sweep kept because they were outstanding or in a snapshot."""
        needed = _needed(topic)
        unused = [i for i in message_ids if i <= topic.swept_id and not any(i in ids for ids in needed)]
        if unused:
            self._store.delete_ids(unused)

    def _is_used(self, topic: Topic) -> bool:
        return bool(topic.snapshots) or any(s.topic is topic for s in self._subscriptions.values())


def _needed(topic: Topic) -> list[Collection[int]]:
    """Ids of single messages that are needed: what is outstanding, and what snapshots hold."""
    outstanding = (subscription.queue.outstanding.keys() for subscription in topic.subscriptions.values())
    return [*outstanding, *(snapshot.message_ids for snapshot in topic.snapshots)]
