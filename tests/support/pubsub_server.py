"""A Pub/Sub server process and the official clients on it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from google.cloud import pubsub_v1

from support.emulator_process import EmulatorProcess

Client = TypeVar("Client")
_environment_lock = threading.Lock()  # clients are made on several threads


class PubsubServer(EmulatorProcess):
    """Its clients are made as an application makes them under ``PUBSUB_EMULATOR_HOST``."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__("pubsub", state_dir)

    def publisher(self, **options: Any) -> pubsub_v1.PublisherClient:
        return self._make(pubsub_v1.PublisherClient, options)

    def subscriber(self, **options: Any) -> pubsub_v1.SubscriberClient:
        return self._make(pubsub_v1.SubscriberClient, options)

    def _make(self, kind: Callable[..., Client], options: dict[str, Any]) -> Client:
        with _environment_lock, mock.patch.dict(os.environ, {"PUBSUB_EMULATOR_HOST": self.address}):
            return kind(**options)


def publish(
    publisher: pubsub_v1.PublisherClient, topic: str, *bodies: bytes, key: str = "", **attributes: str
) -> list[str]:
    """Publish messages; return their ids once the server has confirmed all."""
    futures = [publisher.publish(topic, body, ordering_key=key, **attributes) for body in bodies]
    return [future.result(10) for future in futures]


def pull(subscriber: pubsub_v1.SubscriberClient, subscription: str, limit: int = 100) -> list[Any]:
    """The messages that are available now."""
    response = subscriber.pull(subscription=subscription, max_messages=limit, return_immediately=True)
    return list(response.received_messages)


def bodies(received: Iterable[Any]) -> list[bytes]:
    return [each.message.data for each in received]


def ack(subscriber: pubsub_v1.SubscriberClient, subscription: str, *received: Any) -> None:
    subscriber.acknowledge(subscription=subscription, ack_ids=[each.ack_id for each in received])


def nack(subscriber: pubsub_v1.SubscriberClient, subscription: str, *received: Any) -> None:
    set_deadline(subscriber, subscription, 0, *received)


def set_deadline(subscriber: pubsub_v1.SubscriberClient, subscription: str, seconds: int, *received: Any) -> None:
    subscriber.modify_ack_deadline(
        subscription=subscription, ack_ids=[each.ack_id for each in received], ack_deadline_seconds=seconds
    )
