"""Topics and subscriptions: create, read, update, list, delete, policies, limits and error codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.iam.v1 import policy_pb2
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import types

from support.pubsub_server import PubsubServer

Publisher = pubsub_v1.PublisherClient
Subscriber = pubsub_v1.SubscriberClient
DAY_S = 86_400


def test_defaults_are_the_documented_ones(subscriber: Subscriber, topic: str, subscribe: Callable[..., str]) -> None:
    subscription = subscriber.get_subscription(subscription=subscribe())
    assert subscription.topic == topic
    assert subscription.ack_deadline_seconds == 10
    assert subscription.message_retention_duration.total_seconds() == 7 * DAY_S
    assert subscription.expiration_policy.ttl.total_seconds() == 31 * DAY_S
    assert subscription.state == types.Subscription.State.ACTIVE
    assert not subscription.push_config.push_endpoint
    assert "retry_policy" not in subscription
    assert "dead_letter_policy" not in subscription


def test_defaults_of_policies(subscriber: Subscriber, topic: str, subscribe: Callable[..., str]) -> None:
    subscription = subscriber.get_subscription(
        subscription=subscribe(retry_policy={}, dead_letter_policy={"dead_letter_topic": topic}, expiration_policy={})
    )
    assert subscription.retry_policy.minimum_backoff.total_seconds() == 10
    assert subscription.retry_policy.maximum_backoff.total_seconds() == 600
    assert subscription.dead_letter_policy.max_delivery_attempts == 5
    assert "ttl" not in subscription.expiration_policy, "an expiration policy without a time never expires"


def test_names_are_unique(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    with pytest.raises(exceptions.AlreadyExists, match="topic-"):
        publisher.create_topic(name=topic)
    subscription = subscribe()
    with pytest.raises(exceptions.AlreadyExists, match="subscription-"):
        subscriber.create_subscription(name=subscription, topic=topic)


@pytest.mark.parametrize(
    "name", ["projects/p/topics/ab", "projects/p/topics/1abc", "projects/p/topics/googoo", "projects/p/queues/abc", "t"]
)
def test_an_invalid_topic_name_is_refused(publisher: Publisher, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="Invalid resource name"):
        publisher.create_topic(name=name)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"ack_deadline_seconds": 9}, "ack_deadline=9"),
        ({"ack_deadline_seconds": 601}, "must be between 10 and 600 seconds"),
        ({"message_retention_duration": Duration(seconds=599)}, "You passed 9m59s .* between 10m and 744h"),
        ({"message_retention_duration": Duration(seconds=31 * DAY_S + 1)}, "message retention duration"),
        ({"expiration_policy": {"ttl": Duration(seconds=3600)}}, "You passed 1h .* the minimum value is 24h"),
        ({"expiration_policy": {"ttl": Duration(seconds=6 * DAY_S)}}, "cannot be greater than the TTL"),
        ({"retry_policy": {"minimum_backoff": Duration(seconds=601)}}, "minimum_backoff"),
        ({"retry_policy": {"minimum_backoff": Duration(seconds=20), "maximum_backoff": Duration(seconds=10)}}, "max"),
        ({"push_config": {"push_endpoint": "nowhere"}}, "endpoint"),
        ({"push_config": {"push_endpoint": "http://example.com/"}}, "endpoint"),
        ({"push_config": {"push_endpoint": "http://127.0.0.1.example.com/"}}, "endpoint"),
        ({"push_config": {"push_endpoint": "https://x/"}, "enable_exactly_once_delivery": True}, "Exactly-once"),
        ({"push_config": {"push_endpoint": "https://x/", "oidc_token": {}}}, "service_account_email"),
        (
            {"push_config": {"push_endpoint": "https://x/", "oidc_token": {"service_account_email": "me@gmail.com"}}},
            "service_account_email",
        ),
        ({"labels": {"Upper": "x"}}, 'first character "U" is not a non-uppercased letter'),
        ({"labels": {"a": "Value"}}, "Invalid labels"),
        ({"labels": {"a" * 64: ""}}, "Invalid labels"),
        ({"labels": {f"key{i}": "" for i in range(65)}}, "65 labels"),
        (
            {"push_config": {"push_endpoint": "http://localhost:1/", "attributes": {"x-emulator-push-format": "x"}}},
            "push-format",
        ),
    ],
)
def test_values_outside_their_limits_are_refused(
    subscribe: Callable[..., str], fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=named):
        subscribe(**fields)


def test_a_topic_needs_regions_where_it_may_store_messages(publisher: Publisher, topic: str) -> None:
    for regions in ([], ["europe-west1"]):
        request = {
            "topic": {"name": topic, "message_storage_policy": {"allowed_persistence_regions": regions}},
            "update_mask": {"paths": ["message_storage_policy"]},
        }
        if regions:
            assert publisher.update_topic(request=request).message_storage_policy.allowed_persistence_regions == regions
        else:
            with pytest.raises(exceptions.InvalidArgument, match="allowed_persistence_regions"):
                publisher.update_topic(request=request)
            with pytest.raises(exceptions.InvalidArgument, match="allowed_persistence_regions"):
                publisher.create_topic(request={**request["topic"], "name": topic + "-without"})
    # Without a policy in the request, that of the project holds.
    cleared = publisher.update_topic(
        request={"topic": {"name": topic}, "update_mask": {"paths": ["message_storage_policy"]}}
    )
    assert "message_storage_policy" not in cleared


@pytest.mark.parametrize("count", [0, 1001])
def test_a_publish_request_has_1_to_1000_messages(server: PubsubServer, topic: str, count: int) -> None:
    with grpc.insecure_channel(server.address) as channel:
        publish = channel.unary_unary(
            "/google.pubsub.v1.Publisher/Publish",
            request_serializer=types.PublishRequest.serialize,
            response_deserializer=types.PublishResponse.deserialize,
        )
        with pytest.raises(grpc.RpcError, match=f"message_count is too .* You passed {count}") as refused:
            publish(types.PublishRequest(topic=topic, messages=[{"data": b"x"}] * count), timeout=10)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_acknowledge_requests_have_a_limit(subscriber: Subscriber, subscribe: Callable[..., str]) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="524288 bytes"):
        subscriber.acknowledge(subscription=subscribe(), ack_ids=["1-1-1" + "0" * 100] * 6000)


@pytest.mark.parametrize("size", [-1, 1001])
def test_page_sizes_have_limits(publisher: Publisher, size: int) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="must be between 0 and 1000"):
        publisher.list_topics(request={"project": "projects/p", "page_size": size})


@pytest.mark.parametrize("attempts", [4, 101])
def test_delivery_attempts_have_limits(topic: str, subscribe: Callable[..., str], attempts: int) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="max_delivery_attempts"):
        subscribe(dead_letter_policy={"dead_letter_topic": topic, "max_delivery_attempts": attempts})


def test_topics_of_a_subscription_must_exist(subscriber: Subscriber, subscribe: Callable[..., str]) -> None:
    with pytest.raises(exceptions.NotFound):
        subscribe(dead_letter_policy={"dead_letter_topic": "projects/p/topics/none"})
    with pytest.raises(exceptions.NotFound):
        subscriber.create_subscription(name="projects/p/subscriptions/sub", topic="projects/p/topics/none")


def test_update_changes_only_the_fields_of_the_mask(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    publisher.update_topic(
        request={"topic": {"name": topic, "labels": {"a": "b"}}, "update_mask": {"paths": ["labels"]}}
    )
    assert dict(publisher.get_topic(topic=topic).labels) == {"a": "b"}
    subscription = subscribe(labels={"old": "1"}, ack_deadline_seconds=20)
    updated = subscriber.update_subscription(
        request={
            "subscription": {
                "name": subscription,
                "labels": {"new": "2"},
                "ack_deadline_seconds": 30,
                "retain_acked_messages": True,
                "enable_exactly_once_delivery": True,
            },
            "update_mask": {"paths": ["labels", "retain_acked_messages", "enable_exactly_once_delivery"]},
        }
    )
    assert dict(updated.labels) == {"new": "2"}
    assert updated.retain_acked_messages
    assert updated.enable_exactly_once_delivery
    assert updated.ack_deadline_seconds == 20, "not in the mask"
    assert subscriber.get_subscription(subscription=subscription) == updated


def test_a_dead_letter_policy_can_be_removed_as_documented(
    subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    for paths in (
        ["dead_letter_policy"],
        ["dead_letter_policy.dead_letter_topic", "dead_letter_policy.max_delivery_attempts"],
    ):
        subscription = subscribe(dead_letter_policy={"dead_letter_topic": topic, "max_delivery_attempts": 7})
        updated = subscriber.update_subscription(
            request={"subscription": {"name": subscription, "topic": topic}, "update_mask": {"paths": paths}}
        )
        assert "dead_letter_policy" not in updated


@pytest.mark.parametrize("path", ["topic", "filter", "enable_message_ordering", "name", "nonsense"])
def test_update_of_a_fixed_field_is_refused(subscriber: Subscriber, subscribe: Callable[..., str], path: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="update_mask"):
        subscriber.update_subscription(
            request={"subscription": {"name": subscribe()}, "update_mask": {"paths": [path]}}
        )


def test_an_empty_mask_is_refused(subscriber: Subscriber, subscribe: Callable[..., str]) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="update_mask"):
        subscriber.update_subscription(request={"subscription": {"name": subscribe()}, "update_mask": {}})


def test_lists_come_in_pages(publisher: Publisher, subscriber: Subscriber) -> None:
    names = [f"projects/paged/topics/topic-{i:03}" for i in range(25)]
    for name in names:
        publisher.create_topic(name=name)
        subscriber.create_subscription(name=name.replace("topic", "subscription"), topic=names[0])
    pages = list(publisher.list_topics(request={"project": "projects/paged", "page_size": 10}).pages)
    assert [len(page.topics) for page in pages] == [10, 10, 5]
    assert [topic.name for page in pages for topic in page.topics] == names
    listed = subscriber.list_subscriptions(request={"project": "projects/paged", "page_size": 7})
    assert [s.name for s in listed] == [name.replace("topic", "subscription") for name in names]
    assert len(list(publisher.list_topic_subscriptions(request={"topic": names[0], "page_size": 7}))) == 25
    assert list(publisher.list_topic_subscriptions(topic=names[1])) == []
    assert list(publisher.list_topics(project="projects/another")) == []
    with pytest.raises(exceptions.InvalidArgument, match="page_token"):
        publisher.list_topics(request={"project": "projects/paged", "page_token": "!"})


def test_deleted_resources_are_not_found(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    subscriber.delete_subscription(subscription=subscription)
    publisher.delete_topic(topic=topic)
    calls: list[Callable[[], object]] = [
        lambda: publisher.get_topic(topic=topic),
        lambda: publisher.delete_topic(topic=topic),
        lambda: publisher.publish(topic, b"x").result(10),
        lambda: subscriber.get_subscription(subscription=subscription),
        lambda: subscriber.delete_subscription(subscription=subscription),
        lambda: subscriber.pull(subscription=subscription, max_messages=1),
        lambda: subscriber.acknowledge(subscription=subscription, ack_ids=["1-1-1"]),
        lambda: subscriber.modify_push_config(subscription=subscription, push_config={}),
    ]
    for call in calls:
        with pytest.raises(exceptions.NotFound, match="Resource not found"):
            call()


def test_a_new_subscription_with_the_name_of_a_deleted_one_starts_empty(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    publisher.publish(topic, b"x").result(10)
    [old] = subscriber.pull(subscription=subscription, max_messages=1).received_messages
    subscriber.delete_subscription(subscription=subscription)
    subscriber.create_subscription(name=subscription, topic=topic)
    with pytest.raises(exceptions.InvalidArgument, match="ack ID"):
        subscriber.acknowledge(subscription=subscription, ack_ids=[old.ack_id])
    publisher.publish(topic, b"y").result(10)
    [new] = subscriber.pull(subscription=subscription, max_messages=9).received_messages
    assert new.message.data == b"y"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({}, "empty"),
        ({"data": bytes(10_000_001)}, "the maximum value is 10000000"),
        ({"attributes": {str(i): "" for i in range(101)}}, "101 attributes"),
        ({"attributes": {"k" * 257: ""}}, "attribute key"),
        ({"attributes": {"googclient": ""}}, "attribute key"),
        ({"attributes": {"k": "v" * 1025}}, "too long"),
        ({"data": b"x", "ordering_key": "k" * 1025}, "ordering key"),
    ],
)
def test_messages_have_limits(server: PubsubServer, topic: str, message: dict[str, Any], reason: str) -> None:
    with grpc.insecure_channel(server.address) as channel:
        publish = channel.unary_unary(
            "/google.pubsub.v1.Publisher/Publish",
            request_serializer=types.PublishRequest.serialize,
            response_deserializer=types.PublishResponse.deserialize,
        )
        with pytest.raises(grpc.RpcError, match=reason) as refused:
            publish(types.PublishRequest(topic=topic, messages=[message]), timeout=10)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("deadline_s", [-1, 601])
def test_ack_deadlines_have_limits(subscriber: Subscriber, subscribe: Callable[..., str], deadline_s: int) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.modify_ack_deadline(subscription=subscribe(), ack_ids=["1-1-1"], ack_deadline_seconds=deadline_s)


def test_a_malformed_ack_id_is_refused(subscriber: Subscriber, subscribe: Callable[..., str]) -> None:
    subscription = subscribe()
    with pytest.raises(exceptions.InvalidArgument, match="nonsense"):
        subscriber.acknowledge(subscription=subscription, ack_ids=["nonsense"])
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.acknowledge(subscription=subscription, ack_ids=[])
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.pull(subscription=subscription, max_messages=0)


def test_pull_from_a_push_subscription_is_refused(subscriber: Subscriber, subscribe: Callable[..., str]) -> None:
    subscription = subscribe(push_config={"push_endpoint": "http://127.0.0.1:9/"})
    with pytest.raises(exceptions.FailedPrecondition, match="not supported for this subscription type"):
        subscriber.pull(subscription=subscription, max_messages=1)


def test_iam_policies_are_stored(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe()
    snapshot = subscriber.create_snapshot(name="projects/contract/snapshots/with-policy", subscription=subscription)
    for client, resource in ((publisher, topic), (subscriber, subscription), (subscriber, snapshot.name)):
        empty = client.get_iam_policy(request={"resource": resource})
        assert list(empty.bindings) == []
        policy = policy_pb2.Policy(
            etag=empty.etag, bindings=[policy_pb2.Binding(role="roles/pubsub.viewer", members=["allUsers"])]
        )
        stored = client.set_iam_policy(request={"resource": resource, "policy": policy})
        assert client.get_iam_policy(request={"resource": resource}) == stored
        with pytest.raises(exceptions.Aborted):
            client.set_iam_policy(request={"resource": resource, "policy": policy})
        requested = ["pubsub.topics.publish", "pubsub.topics.update"]
        granted = client.test_iam_permissions(request={"resource": resource, "permissions": requested})
        assert list(granted.permissions) == requested
    with pytest.raises(exceptions.NotFound):
        publisher.get_iam_policy(request={"resource": "projects/p/topics/none"})


def test_features_that_are_not_served_are_unimplemented(
    server: PubsubServer, publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: publisher.create_topic(request={"name": topic + "x", "kms_key_name": "key"}),
        lambda: subscribe(bigquery_config={"table": "p.d.t"}),
        lambda: subscribe(cloud_storage_config={"bucket": "b"}),
    ]
    for call in calls:
        with pytest.raises(exceptions.MethodNotImplemented, match="not served"):
            call()
