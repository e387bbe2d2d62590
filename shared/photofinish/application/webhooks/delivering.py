"""Attempt deliveries to webhooks."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from photofinish.application.webhooks.signing import signatures_of
from photofinish.domain.album_event import cloud_event
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.webhook import Attempt, AttemptError, Delivery, Webhook, event_of_test, retry_after
from photofinish.domain.webhook_url import parse_webhook_url
from photofinish.errors import RejectedInput
from photofinish.logs import fields
from photofinish.ports import NotSent, WebhookDeliveries, WebhookMessages, WebhookSender

log = logging.getLogger(__name__)
MAX_ANSWER_CHARS = 1000
_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def body_of(webhook: Webhook, delivery: Delivery) -> bytes:
    """Return the body of a delivery's requests: a CloudEvent as JSON, the same at every attempt."""
    event = event_of_test(webhook, delivery) if delivery.event is None else cloud_event(delivery.event)
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


class WebhookDeliverer:
    """Sends what is due; threads may share it."""

    def __init__(
        self,
        deliveries: WebhookDeliveries,
        sender: WebhookSender,
        messages: WebhookMessages,
        keys: SecretVersions,
        *,
        allow_loopback: bool,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._messages = messages
        self._keys = keys
        self._allow_loopback = allow_loopback
        self._clock = clock

    def deliver(self, delivery_id: int) -> None:
        """Attempt a delivery if it is due, and ask for those that waited for it."""
        claim = self._deliveries.claim(delivery_id, now=self._clock())
        if claim is None:
            return
        attempt = self._attempt(claim.webhook, claim.delivery)
        log.info(
            "attempted a delivery",
            extra=fields(
                webhook_id=claim.webhook.webhook_id,
                delivery_id=delivery_id,
                status=attempt.status,
                error=attempt.error,
                duration_ms=attempt.duration_ms,
            ),
        )
        finished = self._deliveries.finish(
            delivery_id,
            attempt,
            now=self._clock(),
            chance=random.random(),  # noqa: S311 - spreads retries
        )
        if finished is None:
            return
        if finished.disabled is not None:
            log.warning(
                "disabled a webhook", extra=fields(webhook_id=claim.webhook.webhook_id, reason=finished.disabled)
            )
        if finished.due:
            self._messages.announce(finished.due)

    def _attempt(self, webhook: Webhook, delivery: Delivery) -> Attempt:
        at, started_s = self._clock(), time.perf_counter()
        status, error, answer, pause = None, None, "", None
        body, timestamp_s = body_of(webhook, delivery), int(at.timestamp())
        headers = {
            "Content-Type": _CONTENT_TYPE,
            "User-Agent": "photofinish-webhooks",
            "webhook-id": delivery.message_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": signatures_of(webhook, self._keys, delivery.message_id, timestamp_s, body),
        }
        try:
            sent = self._sender.post(parse_webhook_url(webhook.url, allow_loopback=self._allow_loopback), headers, body)
            status, answer = sent.status, sent.start.decode(errors="replace")[:MAX_ANSWER_CHARS]
            pause = retry_after(sent.status, sent.retry_after, self._clock())
        except RejectedInput:  # it was allowed when it was set
            error = AttemptError.ADDRESS_NOT_ALLOWED
        except NotSent as failure:
            error = failure.error
        return Attempt(
            at=at,
            url=webhook.url,
            duration_ms=round((time.perf_counter() - started_s) * 1000),
            status=status,
            error=error,
            answer=answer,
            retry_after=pause,
        )
