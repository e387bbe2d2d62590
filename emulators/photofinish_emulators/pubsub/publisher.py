"""google.pubsub.v1.Publisher."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import empty_pb2

from photofinish_emulators.common.rpc_errors import failed_precondition, invalid
from photofinish_emulators.common.serving import generic_handler
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.broker import Broker
from photofinish_emulators.pubsub.methods import Call, methods, refuse
from photofinish_emulators.pubsub.paging import page
from photofinish_emulators.pubsub.resources import check_name, check_project, new_topic, updated_topic

SERVICE = "google.pubsub.v1.Publisher"
MAX_REQUEST_MESSAGES = 1000
MAX_REQUEST_BYTES = 10_000_000
MAX_ATTRIBUTES, MAX_KEY_BYTES, MAX_VALUE_BYTES = 100, 256, 1024
MAX_ORDERING_KEY_BYTES = 1024
NO_SNAPSHOTS = "Snapshots are not served. To replay, seek the subscription to a time."


class Publisher:
    """The RPCs, one method each."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def handler(self) -> grpc.GenericRpcHandler:
        calls: dict[str, tuple[Call, str, str | None]] = {
            "CreateTopic": (self.create_topic, "Topic", "Topic"),
            "UpdateTopic": (self.update_topic, "UpdateTopicRequest", "Topic"),
            "Publish": (self.publish, "PublishRequest", "PublishResponse"),
            "GetTopic": (self.get_topic, "GetTopicRequest", "Topic"),
            "ListTopics": (self.list_topics, "ListTopicsRequest", "ListTopicsResponse"),
            "ListTopicSubscriptions": (
                self.list_topic_subscriptions,
                "ListTopicSubscriptionsRequest",
                "ListTopicSubscriptionsResponse",
            ),
            "ListTopicSnapshots": (
                refuse(NO_SNAPSHOTS),
                "ListTopicSnapshotsRequest",
                "ListTopicSnapshotsResponse",
            ),
            "DeleteTopic": (self.delete_topic, "DeleteTopicRequest", None),
            "DetachSubscription": (
                self.detach_subscription,
                "DetachSubscriptionRequest",
                "DetachSubscriptionResponse",
            ),
        }
        return generic_handler(SERVICE, methods(calls))

    async def create_topic(self, request: Any) -> Any:
        return (await self._broker.create_topic(new_topic(request))).config

    async def update_topic(self, request: Any) -> Any:
        topic = self._broker.topic(request.topic.name)
        await self._broker.update_topic(topic, updated_topic(topic.config, request.topic, request.update_mask))
        return topic.config

    async def get_topic(self, request: Any) -> Any:
        check_name(request.topic, "topics")
        return self._broker.topic(request.topic).config

    async def list_topics(self, request: Any) -> Any:
        check_project(request.project)
        prefix = request.project + "/"
        names = (name for name in self._broker.topics if name.startswith(prefix))
        chosen, token = page(names, request.page_size, request.page_token)
        return protos.ListTopicsResponse(
            topics=[self._broker.topics[name].config for name in chosen], next_page_token=token
        )

    async def list_topic_subscriptions(self, request: Any) -> Any:
        check_name(request.topic, "topics")
        topic = self._broker.topic(request.topic)
        names = (subscription.name for subscription in topic.subscriptions.values())
        chosen, token = page(names, request.page_size, request.page_token)
        return protos.ListTopicSubscriptionsResponse(subscriptions=chosen, next_page_token=token)

    async def delete_topic(self, request: Any) -> Any:
        check_name(request.topic, "topics")
        await self._broker.delete_topic(self._broker.topic(request.topic))
        return empty_pb2.Empty()

    async def detach_subscription(self, request: Any) -> Any:
        check_name(request.subscription, "subscriptions")
        subscription = self._broker.subscription(request.subscription)
        if not subscription.config.detached:
            reason = failed_precondition(f"Subscription {subscription.name} is detached from its topic.")
            await self._broker.detach_subscription(subscription, reason)
        return protos.DetachSubscriptionResponse()

    async def publish(self, request: Any) -> Any:
        check_name(request.topic, "topics")
        topic = self._broker.topic(request.topic)
        _check_messages(request)
        message_ids = await self._broker.publish(topic, request.messages)
        return protos.PublishResponse(message_ids=map(str, message_ids))


def _check_messages(request: Any) -> None:
    """Check the documented limits of a Publish request.

    Raises:
        Refused: INVALID_ARGUMENT.
    """
    messages = request.messages
    if not 0 < len(messages) <= MAX_REQUEST_MESSAGES:
        raise invalid(
            f"The value for message_count is {len(messages)}. It must be between 1 and {MAX_REQUEST_MESSAGES}."
        )
    if (size := request.ByteSize()) > MAX_REQUEST_BYTES:
        raise invalid(f"The request has {size} bytes. At most {MAX_REQUEST_BYTES} are allowed.")
    ordering_key = messages[0].ordering_key
    if len(ordering_key.encode()) > MAX_ORDERING_KEY_BYTES:
        raise invalid(f"The ordering key is too long: at most {MAX_ORDERING_KEY_BYTES} bytes are allowed.")
    for message in messages:
        attributes = message.attributes
        if not message.data and not attributes:
            raise invalid(
                "One or more messages in the publish request is empty. Each message must contain either non-empty"
                " data, or at least one attribute."
            )
        if message.ordering_key != ordering_key:
            raise invalid("All messages in a publish request must have the same ordering key.")
        if attributes:
            _check_attributes(attributes)


def _check_attributes(attributes: Any) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise invalid(f"A message has {len(attributes)} attributes. At most {MAX_ATTRIBUTES} are allowed.")
    for key, value in attributes.items():
        if not key or len(key.encode()) > MAX_KEY_BYTES or key.startswith("goog"):
            raise invalid(
                f"Invalid attribute key given ({key[:40]})."
                f" It must have 1 to {MAX_KEY_BYTES} bytes and not start with goog."
            )
        if len(value.encode()) > MAX_VALUE_BYTES:
            raise invalid(f"The value of attribute {key} is too long: at most {MAX_VALUE_BYTES} bytes.")
