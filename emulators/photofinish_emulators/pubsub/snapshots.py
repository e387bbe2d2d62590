"""Snapshots: which messages of a subscription were not acknowledged at a moment, to seek back to.

A snapshot keeps those messages and all that are published to its topic later, until it expires or is deleted.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from typing import Any

from photofinish_emulators.common.rpc_errors import failed_precondition, invalid
from photofinish_emulators.pubsub import protos, snapshot_store
from photofinish_emulators.pubsub.cleanup import Cleanup
from photofinish_emulators.pubsub.errors import already_exists, not_found
from photofinish_emulators.pubsub.limits import check_labels, check_name, project_of
from photofinish_emulators.pubsub.resources import DAY_S, merged
from photofinish_emulators.pubsub.store import Store, now_us, written
from photofinish_emulators.pubsub.topics import Snapshot, Subscription, Topic

log = logging.getLogger(__name__)
# The documentation of Snapshot.expire_time: 7 days less the age of the oldest message; not below an hour.
MAX_LIFETIME_US, MIN_LIFETIME_US = 7 * DAY_S * 1_000_000, 3600 * 1_000_000
MUTABLE = {"labels", "expire_time"}


class Snapshots:
    """All snapshots of the server, by name."""

    def __init__(self, store: Store, cleanup: Cleanup, topics: Iterable[Topic]) -> None:
        self.by_name: dict[str, Snapshot] = {}
        self._store = store
        self._cleanup = cleanup
        by_id = {topic.id: topic for topic in topics}
        for row in snapshot_store.snapshots(store):
            config = protos.Snapshot.FromString(row.config)
            self._add(Snapshot(config, by_id[row.topic_id], row.cursor, row.message_ids, row.id))

    def find(self, name: str) -> Snapshot:
        check_name(name, "snapshots")
        snapshot = self.by_name.get(name)
        if snapshot is None or not snapshot.id:  # not on disk yet
            raise not_found(name)
        return snapshot

    async def create(self, subscription: Subscription, name: str, labels: dict[str, str]) -> Snapshot:
        """Raises FAILED_PRECONDITION if the oldest message is so old that the snapshot would expire within an hour."""
        name = name or f"projects/{project_of(subscription.name)}/snapshots/snapshot-{secrets.token_hex(8)}"
        check_name(name, "snapshots")
        check_labels(labels)
        if name in self.by_name:
            raise already_exists(name)
        topic, cursor = subscription.topic, subscription.queue.cursor
        ids = set(subscription.queue.unacknowledged())
        behind, _ = self._store.messages_after(topic.id, cursor, 1, 1)
        now = now_us()
        oldest = min([now, *ids, *(message.id for message in behind)])
        lifetime = MAX_LIFETIME_US - (now - oldest)
        if lifetime < MIN_LIFETIME_US:
            raise failed_precondition(
                f"The snapshot would expire in less than 1 hour, because {subscription.name} has messages of nearly 7"
                " days that are not acknowledged."
            )
        config = protos.Snapshot(name=name, topic=topic.name, labels=labels)
        config.expire_time.FromMicroseconds(now + lifetime)
        snapshot = self._add(Snapshot(config, topic, cursor, ids))  # from here on, its messages are kept
        snapshot.id = await written(
            snapshot_store.create(self._store, topic.id, config.SerializeToString(), cursor, sorted(ids))
        )
        return snapshot

    async def update(self, snapshot: Snapshot, requested: Any, mask: Any) -> None:
        config = merged(snapshot.config, requested, mask, MUTABLE, {})
        check_labels(config.labels)
        now = now_us()
        if "expire_time" in mask.paths and not now < config.expire_time.ToMicroseconds() <= now + MAX_LIFETIME_US:
            raise invalid("The expire_time of a snapshot must be in the future, and at most 7 days away.")
        snapshot.config = config
        await written(snapshot_store.update(self._store, snapshot.id, config.SerializeToString()))

    async def delete(self, snapshot: Snapshot) -> None:
        del self.by_name[snapshot.name]
        snapshot.topic.snapshots.discard(snapshot)
        self._cleanup.delete_unused(snapshot.topic, sorted(snapshot.message_ids))
        self._store.delete_policy(snapshot.name)
        await written(snapshot_store.delete(self._store, snapshot.id))

    async def expire(self) -> None:
        """Delete those whose time is over."""
        now = now_us()
        for snapshot in [s for s in self.by_name.values() if s.config.expire_time.ToMicroseconds() <= now]:
            log.info("snapshot expired", extra={"fields": {"snapshot": snapshot.name}})
            await self.delete(snapshot)

    async def seek(self, subscription: Subscription, snapshot: Snapshot) -> None:
        """Make exactly those messages unacknowledged that were in the snapshot, or published since."""
        if snapshot.topic is not subscription.topic:
            raise invalid(f"Snapshot {snapshot.name} and subscription {subscription.name} have different topics.")
        await written(subscription.queue.restore(snapshot.cursor, sorted(snapshot.message_ids)))

    def _add(self, snapshot: Snapshot) -> Snapshot:
        self.by_name[snapshot.name] = snapshot
        snapshot.topic.snapshots.add(snapshot)
        return snapshot
