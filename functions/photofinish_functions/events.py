"""CloudEvents and Pub/Sub messages into the words of the domain."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from photofinish.domain.photo import PhotoRef, StoredPhoto
from photofinish.ports.work_messages import parse_work_message


class NotOurs(Exception):
    """An event that tells nothing we act on: acknowledge it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A Pub/Sub message as a push subscription delivers it."""

    data: bytes
    attributes: Mapping[str, str]
    publish_time: datetime


def parse_message(event_data: Any) -> Message:
    """The Pub/Sub message inside a CloudEvent of type ``google.cloud.pubsub.topic.v1.messagePublished``.

    Raises:
        NotOurs: there is none inside.
    """
    try:
        message = event_data["message"]
        return Message(
            data=base64.b64decode(message.get("data") or "", validate=True),
            attributes=message.get("attributes") or {},
            publish_time=datetime.fromisoformat(message.get("publishTime") or message["publish_time"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
        raise NotOurs(f"no Pub/Sub message in the event: {type(error).__name__}: {error}") from None


def parse_object_finalized(message: Message) -> StoredPhoto:
    """The photo that a storage notification tells of (payload format JSON_API_V1).

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


def wants_full_reconcile(message: Message) -> bool:
    """Whether a scheduled message, `{}` or `{"full": true}`, asks to look at every object.

    Raises:
        NotOurs: it is neither.
    """
    try:
        request = json.loads(message.data or b"{}")
    except ValueError as error:
        raise NotOurs(f"not a request to reconcile: {error}") from None
    if not isinstance(request, dict) or not isinstance(request.get("full", False), bool):
        raise NotOurs(f"not a request to reconcile: {message.data[:100]!r}")
    return bool(request.get("full", False))


def parse_result_album(message: Message) -> str:
    """The album of a photo that reached a result.

    Raises:
        NotOurs: it tells of no photo.
    """
    album = message.attributes.get("album")
    if not album or "status" not in message.attributes:
        raise NotOurs(f"not a photo's result: it has the attributes {sorted(message.attributes)[:10]}")
    return album


def parse_dead_letter(message: Message) -> tuple[PhotoRef, str]:
    """The photo of a dead letter, and how often it was delivered.

    A dead letter is a work item, or a storage notification that could not be ingested.

    Raises:
        NotOurs: it is neither.
    """
    attempts = message.attributes.get("CloudPubSubDeadLetterSourceDeliveryCount", "several")
    try:
        return parse_work_message(message.data).photo, attempts
    except ValueError:
        return parse_object_finalized(message).ref, attempts
