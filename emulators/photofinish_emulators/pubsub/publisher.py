"""google.pubsub.v1.Publisher."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import empty_pb2

from photofinish_emulators.common.rpc_errors import failed_precondition, invalid
from photofinish_emulators.common.serving import generic_handler
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.broker import Broker
from photofinish_emulators.pubsub.limits import check_name, check_project
from photofinish_emulators.pubsub.methods import Call, methods
from photofinish_emulators.pubsub.paging import page
from photofinish_emulators.pubsub.resources import new_topic, updated_topic
from photofinish_emulators.pubsub.schema_registry import DELETED_SCHEMA
from photofinish_emulators.pubsub.topics import Topic

SERVICE = "google.pubsub.v1.Publisher"
MAX_REQUEST_MESSAGES = 1000
MAX_REQUEST_BYTES = 10_000_000
MAX_ATTRIBUTES, MAX_KEY_BYTES, MAX_VALUE_BYTES = 100, 256, 1024
MAX_ORDERING_KEY_BYTES = 1024


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
                self.list_topic_snapshots,
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
        config = new_topic(request)
        self._check_schema(config)
        return (await self._broker.create_topic(config)).config

    def _check_schema(self, config: Any) -> None:
        if config.HasField("schema_settings"):
            self._broker.schemas.check_settings(config.schema_settings)

    def _shown(self, topic: Topic) -> Any:
        """The topic as the API shows it, with the current name of its schema."""
        config = protos.Topic()
        config.CopyFrom(topic.config)
        if config.HasField("schema_settings") and config.schema_settings.schema not in self._broker.schemas.by_name:
            config.schema_settings.schema = DELETED_SCHEMA
        return config

    async def update_topic(self, request: Any) -> Any:
        topic = self._broker.topic(request.topic.name)
        config = updated_topic(topic.config, request.topic, request.update_mask)
        if any(path.partition(".")[0] == "schema_settings" for path in request.update_mask.paths):
            self._check_schema(config)
        await self._broker.update_topic(topic, config)
        return self._shown(topic)

    async def get_topic(self, request: Any) -> Any:
        check_name(request.topic, "topics")
        return self._shown(self._broker.topic(request.topic))

    async def list_topics(self, request: Any) -> Any:
        check_project(request.project)
        prefix = request.project + "/"
        names = (name for name in self._broker.topics if name.startswith(prefix))
        chosen, token = page(names, request.page_size, request.page_token)
        return protos.ListTopicsResponse(
            topics=[self._shown(self._broker.topics[name]) for name in chosen], next_page_token=token
        )

    async def list_topic_subscriptions(self, request: Any) -> Any:
        check_name(request.topic, "topics")
        topic = self._broker.topic(request.topic)
        names = (subscription.name for subscription in topic.subscriptions.values())
        chosen, token = page(names, request.page_size, request.page_token)
        return protos.ListTopicSubscriptionsResponse(subscriptions=chosen, next_page_token=token)

    async def list_topic_snapshots(self, request: Any) -> Any:
        check_name(request.topic, "topics")
        names = (snapshot.name for snapshot in self._broker.topic(request.topic).snapshots)
        chosen, token = page(names, request.page_size, request.page_token)
        return protos.ListTopicSnapshotsResponse(snapshots=chosen, next_page_token=token)

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
        if topic.config.HasField("schema_settings"):
            for message in request.messages:
                self._broker.schemas.check_published(topic.config.schema_settings, message)
        message_ids = await self._broker.publish(topic, request.messages)
        return protos.PublishResponse(message_ids=map(str, message_ids))


def _check_messages(request: Any) -> None:
    """Check the documented limits of a Publish request.

    Raises:
        Refused: INVALID_ARGUMENT.
    """
    messages = request.messages
    if not messages:  # recorded, as the next two
        raise invalid(
            "The value for message_count is too small. You passed 0 in the request, but the minimum value is 1."
        )
    _check_at_most("message_count", len(messages), MAX_REQUEST_MESSAGES)
    _check_at_most("request_size", request.ByteSize(), MAX_REQUEST_BYTES)
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


def _check_at_most(what: str, value: int, most: int) -> None:
    if value > most:
        raise invalid(
            f"The value for {what} is too large. You passed {value} in the request, but the maximum value is {most}."
        )


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
