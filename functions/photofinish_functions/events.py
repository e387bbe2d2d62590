"""What event functions receive, parsed into the types of the domain."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from photofinish.domain.announced import announced_in
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.errors import NotOurs
from photofinish.ports.work_messages import parse_work_message

_DELIVERY_ID = re.compile(r"[0-9]{1,18}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Message:
    """A Pub/Sub message as a push subscription delivers it."""

    data: bytes
    attributes: Mapping[str, str]
    publish_time: datetime


def parse_message(event_data: Any) -> Message:
    """Return the Pub/Sub message in the data of a CloudEvent ``google.cloud.pubsub.topic.v1.messagePublished``.

    Raises:
        NotOurs: the data holds no message.
    """
    try:
        message = event_data["message"]
        return Message(
            data=base64.b64decode(message.get("data") or "", validate=True),
            attributes=message.get("attributes") or {},
            publish_time=datetime.fromisoformat(message.get("publishTime") or message["publish_time"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotOurs(f"no Pub/Sub message in the event: {type(error).__name__}: {error}") from None


def is_storage_notification(message: Message) -> bool:
    return "eventType" in message.attributes


def parse_object_finalized(message: Message, *, bucket: str | None) -> StoredPhoto:
    """Return the object of a storage notification (payload format JSON_API_V1).

    Raises:
        NotOurs: another kind of event, not a notification, or an object outside `bucket`.
    """
    if message.attributes.get("eventType") != "OBJECT_FINALIZE":
        raise NotOurs(f"not an OBJECT_FINALIZE notification but {message.attributes.get('eventType')!r}")
    return _parse_object(message, bucket=bucket)


def _parse_object(message: Message, *, bucket: str | None) -> StoredPhoto:
    try:
        stored = json.loads(message.data)
        photo = StoredPhoto(
            ref=PhotoRef(bucket=stored["bucket"], name=stored["name"], generation=int(stored["generation"])),
            size_bytes=int(stored["size"]),
            content_type=stored.get("contentType") or "",
            uploaded_at=datetime.fromisoformat(stored["timeCreated"]),
            crc32c=stored.get("crc32c"),
            announced=announced_in(stored.get("metadata")),
            md5=stored.get("md5Hash"),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise NotOurs(f"not a storage notification: {type(error).__name__}: {error}") from None
    _require_bucket(photo.ref.bucket, bucket)
    return photo


def parse_object_deleted(message: Message, *, bucket: str) -> StoredPhoto:
    """Return the object of a notification that says that a live version or an older one was deleted or overwritten.

    In a bucket with versions the deletion of a live object only makes it noncurrent, which is OBJECT_ARCHIVE, and so
    does an overwrite. OBJECT_DELETE says that a version is gone for good: of such a bucket an older one, or a live one
    that was deleted by its generation (docs.cloud.google.com/storage/docs/pubsub-notifications#events).

    Raises:
        NotOurs: another kind of event, not a notification, or an object outside `bucket`.
    """
    if message.attributes.get("eventType") not in {"OBJECT_ARCHIVE", "OBJECT_DELETE"}:
        raise NotOurs(f"not a notification of a deletion but {message.attributes.get('eventType')!r}")
    return _parse_object(message, bucket=bucket)


def is_full_run(message: Message) -> bool:
    """Whether a scheduled message, `{}` or `{"full": true}`, requests a run over everything.

    Raises:
        NotOurs: it is neither.
    """
    try:
        request = json.loads(message.data or b"{}")
    except (ValueError, RecursionError) as error:
        raise NotOurs(f"not a scheduled message: {error}") from None
    if not isinstance(request, dict) or not isinstance(request.get("full", False), bool):
        raise NotOurs(f"not a scheduled message: {message.data[:100]!r}")
    return bool(request.get("full", False))


def parse_delivery(message: Message) -> int | str | None:
    """Return the id of the delivery to a webhook, or of the subscription, that a message asks for.

    None: it asks for a run of the relays.

    Raises:
        NotOurs: it is neither.
    """
    if "subscription_id" in message.attributes:
        subscription_id = message.attributes["subscription_id"]
        if not _UUID.fullmatch(subscription_id):
            raise NotOurs(f"not the id of a subscription: {subscription_id[:40]!r}")
        return subscription_id
    if "delivery_id" not in message.attributes:
        is_full_run(message)
        return None
    delivery_id = message.attributes["delivery_id"]
    if not _DELIVERY_ID.fullmatch(delivery_id):
        raise NotOurs(f"not the id of a delivery: {delivery_id[:40]!r}")
    return int(delivery_id)


def parse_erasure(message: Message) -> str | None:
    """Return the id of the erasure that a message asks to finish; None: it asks for a whole run.

    Raises:
        NotOurs: it has an id that is none of an erasure.
    """
    erasure_id = message.attributes.get("erasure_id")
    if erasure_id is not None and not _UUID.fullmatch(erasure_id):
        raise NotOurs(f"not the id of an erasure: {erasure_id[:40]!r}")
    return erasure_id


def is_result(message: Message) -> bool:
    """Whether the message says that a photo was queued or reached a final status."""
    return "status" in message.attributes


def parse_result(message: Message, *, bucket: str) -> tuple[PhotoRef, PhotoStatus]:
    """Return the photo of a message about its status, and the status.

    Raises:
        NotOurs: not the status of a photo in `bucket`.
    """
    try:
        result = json.loads(message.data)
        photo = PhotoRef(bucket=result["bucket"], name=result["name"], generation=int(result["generation"]))
        status = PhotoStatus(result["status"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise NotOurs(f"not the status of a photo: {type(error).__name__}: {error}") from None
    _require_bucket(photo.bucket, bucket)
    return photo, status


def parse_dead_letter(message: Message, *, bucket: str) -> tuple[PhotoRef, str]:
    """Return the photo of a dead letter, and how often it was delivered.

    A dead letter is a work item, or a storage notification that could not be ingested.

    Raises:
        NotOurs: it is neither, or its photo is not in `bucket`.
    """
    attempts = message.attributes.get("CloudPubSubDeadLetterSourceDeliveryCount", "several")
    try:
        photo = parse_work_message(message.data).photo
    except ValueError:
        return parse_object_finalized(message, bucket=bucket).ref, attempts
    _require_bucket(photo.bucket, bucket)
    return photo, attempts


def _require_bucket(named: object, expected: str | None) -> None:
    """Raise NotOurs if a message names another bucket: such an object is not a photo, or belongs to others.

    A message about `derived`, for example, would have previews analysed into an album called `renditions`.
    """
    if named != expected:
        raise NotOurs(f"an object of the bucket {named!r}, not of {expected!r}")
