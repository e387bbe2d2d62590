"""What Subscriber RPCs share: how things look in answers, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.broker import Subscription, topic_name
from photofinish_emulators.pubsub.outstanding import Delivery
from photofinish_emulators.pubsub.resources import MAX_ACK_DEADLINE_S
from photofinish_emulators.pubsub.rpc import FailedPrecondition, InvalidArgument


def shown(subscription: Subscription) -> Any:
    """The subscription as the API shows it: with what its topic says now."""
    config = protos.Subscription()
    config.CopyFrom(subscription.config)
    config.topic = topic_name(subscription)
    topic = subscription.topic
    if not topic.deleted and topic.config.HasField("message_retention_duration"):
        config.topic_message_retention_duration.CopyFrom(topic.config.message_retention_duration)
    return config


def received(subscription: Subscription, deliveries: Iterable[Delivery]) -> list[Any]:
    """``ReceivedMessage`` of each delivery; attempts are told only under a dead-letter policy."""
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
        raise FailedPrecondition(f"Subscription {subscription.name} is detached from its topic.")


def refuse_push(subscription: Subscription) -> None:
    if subscription.config.push_config.push_endpoint:
        raise FailedPrecondition(
            f"Subscription {subscription.name} is a push subscription. Clear its push_config to pull from it."
        )


def check_ack_ids(subscription: Subscription, ack_ids: Iterable[str]) -> None:
    """
    Raises:
        InvalidArgument: there is none, or one is not an acknowledgement id of this subscription.
    """
    empty = True
    for ack_id in ack_ids:
        empty = False
        try:
            subscription.queue.parse_ack_id(ack_id)
        except ValueError as error:
            raise InvalidArgument(f"You have passed an invalid ack ID to the service (ack_id={ack_id}).") from error
    if empty:
        raise InvalidArgument("No ack ids are specified.")


def check_deadline(deadline_s: int, lowest_s: int = 0) -> None:
    if not lowest_s <= deadline_s <= MAX_ACK_DEADLINE_S:
        raise InvalidArgument(
            f"Invalid ack deadline given ({deadline_s})."
            f" It must be between {lowest_s} and {MAX_ACK_DEADLINE_S} seconds."
        )
