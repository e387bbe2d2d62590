"""Notifications by webhook: a signed CloudEvent, sent as those of an album's webhooks are."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

from photofinish.domain.album_event import time_text
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.subscription import Outcome
from photofinish.domain.webhook_signature import derived_secret, signature_header
from photofinish.domain.webhook_url import parse_webhook_url
from photofinish.errors import RejectedInput
from photofinish.logs import fields
from photofinish.ports import Notification, NotSent, WebhookSender

log = logging.getLogger(__name__)
_GONE = 410


class WebhookChannel:
    """:class:`photofinish.ports.NotificationChannel`."""

    def __init__(self, sender: WebhookSender, keys: SecretVersions, *, allow_loopback: bool) -> None:
        self._sender = sender
        self._keys = keys
        self._allow_loopback = allow_loopback

    def send(self, address: str, message: Notification) -> Outcome:
        body = json.dumps(_event(message), ensure_ascii=False, separators=(",", ":")).encode()
        timestamp_s = int(message.at.timestamp())
        secret = derived_secret(message.subscription_id, message.key_id or "", self._keys)
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "photofinish-webhooks",
            "webhook-id": message.message_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": signature_header(message.message_id, timestamp_s, body, [secret]),
        }
        try:
            url = parse_webhook_url(address, allow_loopback=self._allow_loopback)
            status = self._sender.post(url, headers, body).status
        except RejectedInput:  # it was allowed when it was set
            return Outcome.GONE
        except NotSent as failure:
            log.info("a webhook got no notification", extra=fields(error=failure.error))
            return Outcome.FAILED
        if 200 <= status < 300:
            return Outcome.DELIVERED
        log.info("a webhook refused a notification", extra=fields(status=status))
        return Outcome.GONE if status == _GONE else Outcome.FAILED


def _event(message: Notification) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": message.message_id,
        "source": f"/v1/albums/{quote(message.album, safe='')}",
        "type": "photofinish.subscription.matched",
        "subject": f"subscriptions/{message.subscription_id}",
        "time": time_text(message.at),
        "datacontenttype": "application/json",
        "data": {
            "album": message.album,
            "subscription_id": message.subscription_id,
            "photo_ids": list(message.photo_ids),
            "link": message.link,
            "end_link": message.end_link,
        },
    }
