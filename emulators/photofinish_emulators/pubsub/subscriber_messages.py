"""Responses and request checks that the Subscriber RPCs share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from photofinish_emulators.common.rpc_errors import failed_precondition, invalid
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.outstanding import Delivery
from photofinish_emulators.pubsub.resources import DELETED_TOPIC
from photofinish_emulators.pubsub.topics import Snapshot, Subscription


def subscription_message(subscription: Subscription) -> Any:
    """The subscription as the API shows it, with the current name and retention of its topic."""
    config = protos.Subscription()
    config.CopyFrom(subscription.config)
    config.topic = subscription.topic_name
    topic = subscription.topic
    if not topic.deleted and topic.config.HasField("message_retention_duration"):
        config.topic_message_retention_duration.CopyFrom(topic.config.message_retention_duration)
    return config


def snapshot_message(snapshot: Snapshot) -> Any:
    """The snapshot as the API shows it, with the current name of its topic."""
    config = protos.Snapshot()
    config.CopyFrom(snapshot.config)
    config.topic = DELETED_TOPIC if snapshot.topic.deleted else snapshot.topic.name
    return config


def received_messages(subscription: Subscription, deliveries: Iterable[Delivery]) -> list[Any]:
    """A ``ReceivedMessage`` for each delivery; attempts are reported only with a dead-letter policy."""
    counted = subscription.queue.settings.max_attempts is not None
    ack_id = subscription.queue.ack_id
    parse = protos.PubsubMessage.FromString
    return [
        protos.ReceivedMessage(
            ack_id=ack_id(delivery),
            message=parse(delivery.body),
            delivery_attempt=delivery.attempt if counted else 0,
        )
        for delivery in deliveries
    ]


def refuse_detached(subscription: Subscription) -> None:
    if subscription.config.detached:
        raise failed_precondition(f"Subscription {subscription.name} is detached from its topic.")


def refuse_push(subscription: Subscription) -> None:
    if subscription.config.push_config.push_endpoint:
        raise failed_precondition("This method is not supported for this subscription type.")  # recorded


def check_ack_ids(subscription: Subscription, ack_ids: Iterable[str]) -> None:
    """Raise INVALID_ARGUMENT if there are none, or one is not an acknowledgement id of this subscription."""
    empty = True
    for ack_id in ack_ids:
        empty = False
        try:
            subscription.queue.parse_ack_id(ack_id)
        except ValueError as error:
            raise invalid(f"You have passed an invalid ack ID to the service (ack_id={ack_id}).") from error
    if empty:
        raise invalid("You have not specified an ack ID in the request.")  # recorded
