"""What event functions receive, parsed into the types of the domain."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from photofinish.domain.photo import PhotoRef, StoredPhoto
from photofinish.errors import NotOurs
from photofinish.ports.work_messages import parse_work_message


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


def parse_object_finalized(message: Message) -> StoredPhoto:
    """Return the photo of a storage notification (payload format JSON_API_V1).

    Raises:
        NotOurs: another kind of event, or not a notification.
    """
    if message.attributes.get("eventType") != "OBJECT_FINALIZE":
        raise NotOurs(f"not an OBJECT_FINALIZE notification but {message.attributes.get('eventType')!r}")
    try:
        stored = json.loads(message.data)
        return StoredPhoto(
            ref=PhotoRef(bucket=stored["bucket"], name=stored["name"], generation=int(stored["generation"])),
            size_bytes=int(stored["size"]),
            content_type=stored.get("contentType") or "",
            uploaded_at=datetime.fromisoformat(stored["timeCreated"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotOurs(f"not a storage notification: {type(error).__name__}: {error}") from None


def is_full_run(message: Message) -> bool:
    """Whether a scheduled message, `{}` or `{"full": true}`, requests a run over everything.

    Raises:
        NotOurs: it is neither.
    """
    try:
        request = json.loads(message.data or b"{}")
    except ValueError as error:
        raise NotOurs(f"not a scheduled message: {error}") from None
    if not isinstance(request, dict) or not isinstance(request.get("full", False), bool):
        raise NotOurs(f"not a scheduled message: {message.data[:100]!r}")
    return bool(request.get("full", False))


def is_result(message: Message) -> bool:
    """Whether the message says that a photo reached a final status."""
    return "status" in message.attributes


def parse_result_album(message: Message) -> str:
    """Return the album of a photo that reached a final status.

    Raises:
        NotOurs: not the result of a photo.
    """
    album = message.attributes.get("album")
    if not album or not is_result(message):
        raise NotOurs(f"not a photo's result: it has the attributes {sorted(message.attributes)[:10]}")
    return album


def parse_dead_letter(message: Message) -> tuple[PhotoRef, str]:
    """Return the photo of a dead letter, and how often it was delivered.

    A dead letter is a work item, or a storage notification that could not be ingested.

    Raises:
        NotOurs: it is neither.
    """
    attempts = message.attributes.get("CloudPubSubDeadLetterSourceDeliveryCount", "several")
    try:
        return parse_work_message(message.data).photo, attempts
    except ValueError:
        return parse_object_finalized(message).ref, attempts
