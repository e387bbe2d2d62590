"""Webhooks in memory."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from photofinish.adapters.memory.webhook_deliveries import MemoryWebhookDeliveries
from photofinish.domain.album_event import EventFilter
from photofinish.domain.webhook import (
    HEALTHY,
    MAX_PER_ALBUM,
    MAX_SECRETS,
    DisabledReason,
    SecretVersion,
    SignatureScheme,
    Webhook,
)
from photofinish.errors import Conflict
from photofinish.ports import EventLog, UnknownWebhook, WebhookChange


class MemoryWebhooks:
    """:class:`photofinish.ports.Webhooks` and, by `deliveries`, WebhookDeliveries; threads may share it."""

    def __init__(self, events: EventLog) -> None:
        self._lock = threading.RLock()
        self._webhooks: dict[str, Webhook] = {}
        self.deliveries = MemoryWebhookDeliveries(events, self._webhooks, self._lock)

    def add(
        self,
        album: str | None,
        url: str,
        wanted: EventFilter,
        *,
        description: str,
        key_id: str,
        signature: SignatureScheme = SignatureScheme.V1,
    ) -> Webhook:
        with self._lock:
            if len(self.all_of(album)) >= MAX_PER_ALBUM:
                raise Conflict("too_many_webhooks", f"There are {MAX_PER_ALBUM} webhooks already: remove one first.")
            now = datetime.now(UTC)
            webhook = Webhook(
                webhook_id=str(uuid.uuid4()),
                album=album,
                url=url,
                wanted=wanted,
                description=description,
                signature=signature,
                secrets=(_secret(key_id),),
                created_at=now,
                since=now,
            )
            self._webhooks[webhook.webhook_id] = webhook
            return webhook

    def all_of(self, album: str | None) -> list[Webhook]:
        with self._lock:
            return [webhook for webhook in self._webhooks.values() if webhook.album == album]

    def enabled(self) -> list[Webhook]:
        with self._lock:
            return [webhook for webhook in self._webhooks.values() if webhook.disabled is None]

    def get(self, album: str | None, webhook_id: str) -> Webhook:
        with self._lock:
            webhook = self._webhooks.get(webhook_id)
            if webhook is None or webhook.album != album:
                raise UnknownWebhook("There is no such webhook here.")
            return webhook

    def change(self, album: str | None, webhook_id: str, change: WebhookChange) -> Webhook:
        with self._lock:
            webhook, now = self.get(album, webhook_id), datetime.now(UTC)
            new = replace(
                webhook,
                url=webhook.url if change.url is None else change.url,
                wanted=webhook.wanted if change.wanted is None else change.wanted,
                description=webhook.description if change.description is None else change.description,
            )
            if change.enabled is True and webhook.disabled is not None:
                new = replace(new, disabled=None, disabled_at=None, since=now, health=HEALTHY)
            elif change.enabled is False and webhook.disabled is None:
                new = replace(new, disabled=DisabledReason.REQUESTED, disabled_at=now)
            self._webhooks[webhook_id] = new
            return new

    def remove(self, album: str | None, webhook_id: str) -> None:
        with self._lock:
            self.get(album, webhook_id)
            del self._webhooks[webhook_id]
            self.deliveries.forget(webhook_id)

    def add_secret(self, album: str | None, webhook_id: str, key_id: str) -> Webhook:
        with self._lock:
            webhook = self.get(album, webhook_id)
            if len(webhook.secrets) >= MAX_SECRETS:
                raise Conflict(
                    "too_many_secrets", f"The webhook has {MAX_SECRETS} secrets already: remove the old one first."
                )
            new = self._webhooks[webhook_id] = replace(webhook, secrets=(*webhook.secrets, _secret(key_id)))
            return new

    def remove_secret(self, album: str | None, webhook_id: str, secret_id: str) -> Webhook:
        with self._lock:
            webhook = self.get(album, webhook_id)
            rest = tuple(version for version in webhook.secrets if version.secret_id != secret_id)
            if len(rest) == len(webhook.secrets):
                raise UnknownWebhook("This webhook has no such secret.")
            if not rest:
                raise Conflict("last_secret", "Messages must be signed: add a new secret before you remove this one.")
            new = self._webhooks[webhook_id] = replace(webhook, secrets=rest)
            return new


def _secret(key_id: str) -> SecretVersion:
    return SecretVersion(secret_id=str(uuid.uuid4()), key_id=key_id, created_at=datetime.now(UTC))
