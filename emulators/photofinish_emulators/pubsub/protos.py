"""The raw protobuf classes of google.pubsub.v1, from inside the client library's proto-plus types.

They are `Any` to the type checker: the library generates them at run time, without type stubs.
"""

from __future__ import annotations

from typing import Any

from google.pubsub_v1 import types

Topic: Any = types.Topic.pb()
Subscription: Any = types.Subscription.pb()
Snapshot: Any = types.Snapshot.pb()
Schema: Any = types.Schema.pb()
PubsubMessage: Any = types.PubsubMessage.pb()
PushConfig: Any = types.PushConfig.pb()
ReceivedMessage: Any = types.ReceivedMessage.pb()
PublishResponse: Any = types.PublishResponse.pb()
PullResponse: Any = types.PullResponse.pb()
StreamingPullResponse: Any = types.StreamingPullResponse.pb()
SeekResponse: Any = types.SeekResponse.pb()
DetachSubscriptionResponse: Any = types.DetachSubscriptionResponse.pb()
ListTopicsResponse: Any = types.ListTopicsResponse.pb()
ListTopicSubscriptionsResponse: Any = types.ListTopicSubscriptionsResponse.pb()
ListTopicSnapshotsResponse: Any = types.ListTopicSnapshotsResponse.pb()
ListSnapshotsResponse: Any = types.ListSnapshotsResponse.pb()
ListSubscriptionsResponse: Any = types.ListSubscriptionsResponse.pb()


def named(name: str) -> Any:
    """The raw class of the message ``name``, such as ``PublishRequest``."""
    return getattr(types, name).pb()
