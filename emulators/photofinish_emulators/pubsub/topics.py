"""Topics and subscriptions as the server holds them in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from photofinish_emulators.pubsub.delivery import DeliveryQueue
from photofinish_emulators.pubsub.limits import seconds
from photofinish_emulators.pubsub.resources import DELETED_TOPIC


@dataclass(slots=True, eq=False)
class Topic:
    id: int
    name: str
    config: Any  # google.pubsub.v1.Topic
    deleted: bool = False
    subscriptions: dict[int, Subscription] = field(default_factory=dict)  # attached ones, by id
    snapshots: set[Snapshot] = field(default_factory=set)
    # Messages up to this id are deleted, except those that were outstanding or in a snapshot at the last sweep.
    swept_id: int = 0

    @property
    def keeps_messages(self) -> bool:
        """Whether something needs the messages that are published now."""
        return bool(self.subscriptions or self.snapshots or self.retention_us)

    @property
    def retention_us(self) -> int:
        """How long messages are kept after every subscription has acknowledged them."""
        durations = [seconds(s.config.message_retention_duration) for s in self.subscriptions.values() if s.retains]
        if not self.deleted and self.config.HasField("message_retention_duration"):
            durations.append(seconds(self.config.message_retention_duration))
        return int(max(durations, default=0) * 1e6)


@dataclass(slots=True, eq=False)
class Subscription:
    id: int
    config: Any  # google.pubsub.v1.Subscription
    topic: Topic
    start_id: int  # the last message published before it was created
    queue: DeliveryQueue
    pusher: Pusher | None = None
    gone: Exception | None = None  # raised in every call that waits for messages
    active_at: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        return str(self.config.name)

    @property
    def topic_name(self) -> str:
        """The topic's name as the API shows it."""
        return DELETED_TOPIC if self.topic.deleted else self.topic.name

    @property
    def retains(self) -> bool:
        return bool(self.config.retain_acked_messages)

    def touch(self) -> None:
        """Note that it is in use, which restarts its expiration time."""
        self.active_at = time.monotonic()


@dataclass(slots=True, eq=False)
class Snapshot:
    config: Any  # google.pubsub.v1.Snapshot
    topic: Topic
    cursor: int  # of its subscription when it was made
    message_ids: set[int]  # up to the cursor, and not acknowledged
    id: int = 0

    @property
    def name(self) -> str:
        return str(self.config.name)


class Pusher(Protocol):
    """Delivers a subscription to its endpoint until stopped."""

    def stop(self) -> None: ...
