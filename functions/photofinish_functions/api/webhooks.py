"""What the routes for webhooks of one album and for those of all albums (`album` is None) share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from photofinish.application.webhooks.delivering import body_of
from photofinish.application.webhooks.relaying import replay
from photofinish.application.webhooks.signing import public_key_of
from photofinish.domain.album_event import EventFilter
from photofinish.domain.webhook import Delivery, SecretVersion, SignatureScheme, Webhook
from photofinish.domain.webhook_signature import key_id_of, secret_of
from photofinish.domain.webhook_url import parse_webhook_url
from photofinish.errors import Misconfigured
from photofinish.ports import WebhookChange
from photofinish.wiring import App
from photofinish_functions.api.guarding import audit
from photofinish_functions.api.idempotency import keep_without
from photofinish_functions.api.paging import cursor_after, page_of, position
from photofinish_functions.api.webhook_models import (
    AttemptJson,
    DeliveriesAnswer,
    DeliveriesQuery,
    DeliveryDetails,
    DeliveryJson,
    NewSecret,
    Replayed,
    ReplayInput,
    WebhookChangeInput,
    WebhookFilter,
    WebhookInput,
    WebhookJson,
    WebhooksAnswer,
    WebhookSecretJson,
)

# A replay answers in time, and goes on with its cursor.
MAX_REPLAYED = 1000
_PLACE = TypeAdapter[int](Annotated[int, Field(ge=0)])


def list_all(services: App, album: str | None) -> dict[str, Any]:
    found = services.webhooks.all_of(album)
    audit(count=len(found))
    return WebhooksAnswer(webhooks=[_json(services, webhook) for webhook in found]).model_dump(mode="json")


def add(services: App, album: str | None, body: WebhookInput) -> tuple[dict[str, Any], int]:
    _check_url(services, body.url)
    wanted = _wanted(EventFilter(), body.event_types, body.filter)
    key_id = key_id_of(services.webhook_settings.webhook_key.current)
    webhook = services.webhooks.add(
        album, body.url, wanted, description=body.description, key_id=key_id, signature=body.signature
    )
    audit(target=webhook.webhook_id)
    return _new_secret(services, webhook), 201


def show(services: App, album: str | None, webhook_id: str) -> dict[str, Any]:
    audit(target=webhook_id)
    return _json(services, services.webhooks.get(album, webhook_id)).model_dump(mode="json")


def change(services: App, album: str | None, webhook_id: str, body: WebhookChangeInput) -> dict[str, Any]:
    audit(target=webhook_id)
    if body.url is not None:
        _check_url(services, body.url)
    wanted = None
    if body.model_fields_set & {"event_types", "filter"}:
        before = services.webhooks.get(album, webhook_id).wanted
        types = body.event_types if "event_types" in body.model_fields_set else before.types
        wanted = _wanted(before, types, body.filter)
    changes = WebhookChange(url=body.url, wanted=wanted, description=body.description, enabled=body.enabled)
    return _json(services, services.webhooks.change(album, webhook_id, changes)).model_dump(mode="json")


def remove(services: App, album: str | None, webhook_id: str) -> tuple[str, int]:
    audit(target=webhook_id)
    services.webhooks.remove(album, webhook_id)
    return "", 204


def add_secret(services: App, album: str | None, webhook_id: str) -> tuple[dict[str, Any], int]:
    audit(target=webhook_id)
    key_id = key_id_of(services.webhook_settings.webhook_key.current)
    return _new_secret(services, services.webhooks.add_secret(album, webhook_id, key_id)), 201


def remove_secret(services: App, album: str | None, webhook_id: str, secret_id: str) -> tuple[str, int]:
    audit(target=webhook_id)
    services.webhooks.remove_secret(album, webhook_id, secret_id)
    return "", 204


def test(services: App, album: str | None, webhook_id: str) -> tuple[dict[str, Any], int]:
    audit(target=webhook_id)
    webhook = services.webhooks.get(album, webhook_id)
    delivery = services.webhook_deliveries.add_test(webhook.webhook_id, now=datetime.now(UTC))
    services.webhook_messages.announce([delivery.delivery_id])
    return _delivery(delivery).model_dump(mode="json"), 202


def list_deliveries(services: App, album: str | None, webhook_id: str, query: DeliveriesQuery) -> dict[str, Any]:
    webhook = services.webhooks.get(album, webhook_id)
    listing = ("webhook deliveries", webhook.webhook_id, query.state)
    before = position(listing, query.cursor, None, _PLACE)
    states = None if query.state is None else [query.state]
    found = services.webhook_deliveries.page(webhook.webhook_id, states=states, before=before, limit=query.limit + 1)
    shown, last = page_of(found, query.limit, lambda one: one.delivery_id)
    audit(target=webhook_id, count=len(shown))
    return DeliveriesAnswer(
        deliveries=[_delivery(one) for one in shown], next_cursor=cursor_after(listing, last)
    ).model_dump(mode="json")


def show_delivery(services: App, album: str | None, webhook_id: str, delivery_id: int) -> dict[str, Any]:
    audit(target=webhook_id)
    webhook = services.webhooks.get(album, webhook_id)
    delivery, attempts = services.webhook_deliveries.get(webhook.webhook_id, delivery_id)
    return DeliveryDetails(
        delivery=_delivery(delivery),
        body=body_of(webhook, delivery).decode(),
        attempts=[AttemptJson.from_object(attempt) for attempt in attempts],
    ).model_dump(mode="json")


def replay_delivery(services: App, album: str | None, webhook_id: str, delivery_id: int) -> tuple[dict[str, Any], int]:
    audit(target=webhook_id)
    webhook = services.webhooks.get(album, webhook_id)
    delivery = services.webhook_deliveries.replay(webhook.webhook_id, delivery_id, now=datetime.now(UTC))
    services.webhook_messages.announce([delivery.delivery_id])
    return _delivery(delivery).model_dump(mode="json"), 202


def replay_range(services: App, album: str | None, webhook_id: str, body: ReplayInput) -> tuple[dict[str, Any], int]:
    webhook = services.webhooks.get(album, webhook_id)
    wanted = replace(webhook.wanted, occurred_from=body.occurred_from, occurred_before=body.occurred_before)
    asked = ("webhook replay", webhook.webhook_id, wanted)
    count, place = replay(
        webhook,
        wanted,
        after=position(asked, body.cursor, None, _PLACE) or 0,
        limit=MAX_REPLAYED,
        events=services.event_log,
        deliveries=services.webhook_deliveries,
        messages=services.webhook_messages,
    )
    audit(target=webhook_id, count=count)
    return Replayed(deliveries=count, next_cursor=cursor_after(asked, place)).model_dump(mode="json"), 202


def _check_url(services: App, url: str) -> None:
    parse_webhook_url(url, allow_loopback=services.webhook_settings.webhook_loopback)


def _wanted(before: EventFilter, types: Any, given: WebhookFilter | None) -> EventFilter:
    fields = {} if given is None else given.model_dump()
    if fields.get("folder") is not None:
        fields["folder"] = fields["folder"].strip("/")
    return replace(before, types=None if types is None else frozenset(types), **fields)


def _new_secret(services: App, webhook: Webhook) -> dict[str, Any]:
    keep_without("secret")
    secret = None
    if webhook.signature is SignatureScheme.V1:
        secret = secret_of(webhook.secrets[-1], services.webhook_settings.webhook_key).text
    return NewSecret(webhook=_json(services, webhook), secret=secret).model_dump(mode="json")


def _json(services: App, webhook: Webhook) -> WebhookJson:
    wanted = webhook.wanted
    return WebhookJson.from_object(
        webhook,
        event_types=None if wanted.types is None else sorted(wanted.types),
        filter=WebhookFilter(**{name: getattr(wanted, name) for name in WebhookFilter.model_fields}),
        enabled=webhook.disabled is None,
        disabled_reason=webhook.disabled,
        failing_since=webhook.health.failing_since,
        paused_until=webhook.health.paused_until,
        secrets=[
            WebhookSecretJson.from_object(version, public_key=_public_key(services, webhook, version))
            for version in webhook.secrets
        ],
    )


def _public_key(services: App, webhook: Webhook, version: SecretVersion) -> str | None:
    if webhook.signature is SignatureScheme.V1:
        return None
    try:
        return public_key_of(version, services.webhook_settings.webhook_key)
    except Misconfigured:  # nothing is signed with it any more; the webhook can still be shown, mended and removed
        return None


def _delivery(delivery: Delivery) -> DeliveryJson:
    kind = "webhook.test" if delivery.event is None else delivery.event.event.type.value
    return DeliveryJson.from_object(delivery, type=f"photofinish.{kind}")
