"""Copies of all messages of a cloud, which can be published again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from support.waiting import wait_until

TOPICS = ("photo-uploads", "photo-work", "photo-results")
_PULLED = 500
_TIMEOUT_S = 10.0
_S_TO_WAIT = 120.0


@dataclass(frozen=True, slots=True)
class Message:
    """What was published once."""

    topic: str
    data: bytes
    attributes: tuple[tuple[str, str], ...]


class Messages:
    """Has a subscription of its own to each topic, so it gets what the cloud's own subscriptions get."""

    def __init__(self, project: str) -> None:
        self._publisher, self._subscriber = PublisherClient(), SubscriberClient()
        self._paths = {topic: f"projects/{project}/subscriptions/copies-of-{topic}" for topic in TOPICS}
        self._topics = {topic: f"projects/{project}/topics/{topic}" for topic in TOPICS}
        self._subscriptions = f"projects/{project}/subscriptions"
        self._seen: list[Message] = []
        for topic, path in self._paths.items():
            try:
                self._subscriber.create_subscription(name=path, topic=self._topics[topic], timeout=_TIMEOUT_S)
            except AlreadyExists:
                continue

    def repeat(self, messages: int, times: int, dice: random.Random) -> int:
        """Publish some of the latest messages so often again, in another order; return how many."""
        latest = self._all()[-20 * messages :]
        again = dice.sample(latest, min(messages, len(latest))) * times
        dice.shuffle(again)
        self._publish(again)
        return len(again)

    def repeat_old(self, messages: int, dice: random.Random) -> int:
        """Publish some of the first messages again, whose photos may be gone or newer; return how many."""
        first = self._all()[: 20 * messages]
        again = dice.sample(first, min(messages, len(first)))
        self._publish(again)
        return len(again)

    def lose(self, subscription: str) -> None:
        """Drop all messages that a subscription has not delivered."""
        path = f"{self._subscriptions}/{subscription}"
        wait_until(lambda: self._dropped(path), "Pub/Sub is there", timeout_s=_S_TO_WAIT)

    def _dropped(self, path: str) -> bool:
        try:
            self._subscriber.seek({"subscription": path, "time": datetime.now(UTC)}, timeout=_TIMEOUT_S)
        except (GoogleAPICallError, RetryError):
            return False
        return True

    def close(self) -> None:
        self._subscriber.close()

    def _all(self) -> list[Message]:
        for topic, path in self._paths.items():
            wait_until(lambda topic=topic, path=path: self._take(topic, path), "Pub/Sub is there", timeout_s=_S_TO_WAIT)
        return self._seen

    def _take(self, topic: str, path: str) -> bool:
        try:
            while received := self._subscriber.pull(
                subscription=path, max_messages=_PULLED, return_immediately=True, timeout=_TIMEOUT_S
            ).received_messages:
                for one in received:
                    self._seen.append(Message(topic, one.message.data, tuple(sorted(one.message.attributes.items()))))
                self._subscriber.acknowledge(
                    subscription=path, ack_ids=[one.ack_id for one in received], timeout=_TIMEOUT_S
                )
        except (GoogleAPICallError, RetryError):
            return False
        return True

    def _publish(self, messages: list[Message]) -> None:
        for one in messages:
            wait_until(lambda one=one: self._published(one), "Pub/Sub is there", timeout_s=_S_TO_WAIT)

    def _published(self, one: Message) -> bool:
        try:
            self._publisher.publish(self._topics[one.topic], one.data, **dict(one.attributes)).result(_TIMEOUT_S)
        except (GoogleAPICallError, RetryError, TimeoutError):
            return False
        return True
