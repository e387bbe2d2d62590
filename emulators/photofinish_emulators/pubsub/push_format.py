"""The HTTP request that pushes a message, in three forms.

- *wrapped* (the default): a JSON envelope.
- *unwrapped* (``no_wrapper``): only the data; with ``write_metadata`` also ids and attributes as headers.
- *cloudevent* (push attribute ``x-emulator-push-format: cloudevent``): a CloudEvent in binary mode, as Eventarc sends
  it to a function with a Pub/Sub trigger. The body is the JSON envelope.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from photofinish_emulators.pubsub.resources import PUSH_FORMAT

MESSAGE_PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"
USER_AGENT = "CloudPubSub-Google"

# RFC 9110: characters allowed in a header's name, and characters forbidden in its value.
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TRANSPORT_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "authorization"})
_HEADER_VALUE_REFUSED = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class PushRequest:
    """The body and headers of a POST."""

    body: bytes
    headers: dict[str, str]


def push_request(
    config: Any, message: Any, *, subscription: str, topic: str, message_id: int, attempt: int | None
) -> PushRequest:
    """The request that pushes ``message`` (``PubsubMessage``) as ``config`` (``PushConfig``) requires.

    ``attempt`` is None if the subscription has no dead-letter policy.
    """
    if config.HasField("no_wrapper"):
        return _unwrapped(message, subscription, message_id, write_metadata=config.no_wrapper.write_metadata)
    body = _envelope(message, subscription, message_id, attempt)
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    if config.attributes.get(PUSH_FORMAT) == "cloudevent":
        headers |= {
            "ce-specversion": "1.0",
            "ce-id": str(message_id),
            "ce-type": MESSAGE_PUBLISHED,
            "ce-source": f"//pubsub.googleapis.com/{topic}",
            "ce-time": publish_time(message_id),
        }
    return PushRequest(body, headers)


def publish_time(message_id: int) -> str:
    """RFC 3339, with milliseconds."""
    published = datetime.fromtimestamp(message_id / 1e6, UTC)
    return published.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _envelope(message: Any, subscription: str, message_id: int, attempt: int | None) -> bytes:
    published = publish_time(message_id)
    # The real service also sends ids and times twice, once in each naming style.
    inner: dict[str, object] = {
        "messageId": str(message_id),
        "message_id": str(message_id),
        "publishTime": published,
        "publish_time": published,
    }
    if message.data:
        inner["data"] = base64.b64encode(message.data).decode()
    if message.attributes:
        inner["attributes"] = dict(message.attributes)
    if message.ordering_key:
        inner["orderingKey"] = message.ordering_key
    envelope: dict[str, object] = {"message": inner, "subscription": subscription}
    if attempt is not None:
        envelope["deliveryAttempt"] = attempt
    return json.dumps(envelope, ensure_ascii=False).encode()


def _unwrapped(message: Any, subscription: str, message_id: int, *, write_metadata: bool) -> PushRequest:
    headers = {"User-Agent": USER_AGENT}
    if write_metadata:
        headers |= {name: value for name, value in message.attributes.items() if _can_be_header(name, value)}
        headers["x-goog-pubsub-subscription-name"] = subscription
        headers["x-goog-pubsub-message-id"] = str(message_id)
        headers["x-goog-pubsub-publish-time"] = publish_time(message_id)
        if message.ordering_key and _can_be_header("x-goog-pubsub-ordering-key", message.ordering_key):
            headers["x-goog-pubsub-ordering-key"] = message.ordering_key
    return PushRequest(message.data, headers)


def _can_be_header(name: str, value: str) -> bool:
    """Whether an attribute is a valid header; names that belong to the transport are not."""
    if name.lower() in _TRANSPORT_HEADERS or _HEADER_NAME.fullmatch(name) is None:
        return False
    return _HEADER_VALUE_REFUSED.search(value) is None
