"""The permissions that each method of Pub/Sub needs: https://docs.cloud.google.com/pubsub/docs/access-control"""

from __future__ import annotations

from typing import Any

from photofinish_emulators.common.iam import PROJECT, Need

WORDS = "User not authorized to perform this action."
"""All that Pub/Sub says."""

# Method → permission, and the field of the request that names the resource: a dotted path.
_NEEDS: dict[str, tuple[tuple[str, str], ...]] = {
    # google.pubsub.v1.Publisher
    "CreateTopic": (("pubsub.topics.create", "project of name"),),
    "UpdateTopic": (("pubsub.topics.update", "topic.name"),),
    "Publish": (("pubsub.topics.publish", "topic"),),
    "GetTopic": (("pubsub.topics.get", "topic"),),
    "ListTopics": (("pubsub.topics.list", "project"),),
    "ListTopicSubscriptions": (("pubsub.topics.get", "topic"),),
    "ListTopicSnapshots": (("pubsub.topics.get", "topic"),),
    "DeleteTopic": (("pubsub.topics.delete", "topic"),),
    # On the topic in the documents; the request names only the subscription.
    "DetachSubscription": (("pubsub.topics.detachSubscription", "subscription"),),
    # google.pubsub.v1.Subscriber
    "CreateSubscription": (
        ("pubsub.subscriptions.create", "project of name"),
        ("pubsub.topics.attachSubscription", "topic"),
    ),
    "GetSubscription": (("pubsub.subscriptions.get", "subscription"),),
    "UpdateSubscription": (("pubsub.subscriptions.update", "subscription.name"),),
    "ListSubscriptions": (("pubsub.subscriptions.list", "project"),),
    "DeleteSubscription": (("pubsub.subscriptions.delete", "subscription"),),
    "ModifyPushConfig": (("pubsub.subscriptions.update", "subscription"),),
    "ModifyAckDeadline": (("pubsub.subscriptions.consume", "subscription"),),
    "Acknowledge": (("pubsub.subscriptions.consume", "subscription"),),
    "Pull": (("pubsub.subscriptions.consume", "subscription"),),
    "StreamingPull": (("pubsub.subscriptions.consume", "subscription"),),
    "Seek": (("pubsub.subscriptions.consume", "subscription"), ("pubsub.snapshots.seek", "snapshot")),
    "GetSnapshot": (("pubsub.snapshots.get", "snapshot"),),
    "ListSnapshots": (("pubsub.snapshots.list", "project"),),
    "CreateSnapshot": (
        ("pubsub.snapshots.create", "project of name"),
        ("pubsub.subscriptions.consume", "subscription"),
    ),
    "UpdateSnapshot": (("pubsub.snapshots.update", "snapshot.name"),),
    "DeleteSnapshot": (("pubsub.snapshots.delete", "snapshot"),),
    # google.pubsub.v1.SchemaService
    "CreateSchema": (("pubsub.schemas.create", "parent"),),
    "GetSchema": (("pubsub.schemas.get", "name"),),
    "ListSchemas": (("pubsub.schemas.list", "parent"),),
    "ListSchemaRevisions": (("pubsub.schemas.listRevisions", "name"),),
    "CommitSchema": (("pubsub.schemas.commit", "name"),),
    "RollbackSchema": (("pubsub.schemas.rollback", "name"),),
    "DeleteSchemaRevision": (("pubsub.schemas.delete", "name"),),
    "DeleteSchema": (("pubsub.schemas.delete", "name"),),
    "ValidateSchema": (("pubsub.schemas.validate", "parent"),),
    "ValidateMessage": (("pubsub.schemas.validate", "parent"),),
    # google.iam.v1.IAMPolicy
    "TestIamPermissions": (),
}
_KINDS = {"topics": "topic", "subscriptions": "subscription", "snapshots": "snapshot", "schemas": "schema"}


def needs(method: str, request: Any) -> list[Need]:
    """The permissions that `request` needs; [] for a later request of a stream, which names no resource."""
    if method in ("GetIamPolicy", "SetIamPolicy"):
        kind = request.resource.split("/")[2] if request.resource.count("/") == 3 else "topics"
        return [_need(f"pubsub.{kind}.{method[0].lower()}{method[1:]}", request.resource)]
    found = []
    for permission, path in _NEEDS[method]:
        resource = _field(request, path.removeprefix("project of "))
        if path.startswith("project of "):
            resource = "/".join(resource.split("/")[:2])
        if resource:
            found.append(_need(permission, resource))
    return found


def _field(request: Any, path: str) -> str:
    for name in path.split("."):
        request = getattr(request, name)
    return str(request)


def _need(permission: str, resource: str) -> Need:
    parts = resource.split("/")
    kind = _KINDS.get(parts[2]) if len(parts) == 4 else None
    return Need(permission, f"{kind}/{parts[3]}" if kind else PROJECT, f"//pubsub.googleapis.com/{resource}")
