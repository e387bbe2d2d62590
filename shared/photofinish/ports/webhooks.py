"""Webhooks, what is delivered to them, and how requests and messages about them are sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.album_event import EventFilter, RecordedEvent
from photofinish.domain.webhook import (
    Attempt,
    AttemptError,
    Delivery,
    DeliveryState,
    DisabledReason,
    SignatureScheme,
    Webhook,
)
from photofinish.domain.webhook_url import WebhookUrl
from photofinish.errors import NotFound, PhotofinishError


class UnknownWebhook(NotFound):
    """The album has no such webhook, or the webhook no such secret."""

    code = "unknown_webhook"


class UnknownDelivery(NotFound):
    """The webhook has no such delivery."""

    code = "unknown_delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChange:
    """New values of a webhook; what is None stays."""

    url: str | None = None
    wanted: EventFilter | None = None
    description: str | None = None
    enabled: bool | None = None
    """True also ends a pause, and lets only events come that are recorded from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An event that a webhook wants."""

    webhook_id: str
    event: RecordedEvent
    announced: bool
    """Whether the caller sends a message about the delivery now."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that only the caller attempts until its lease ends."""

    webhook: Webhook
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Finished:
    """What the end of an attempt leads to."""

    due: tuple[int, ...]
    """Other deliveries of the webhook, which waited for a place: send messages about them."""
    disabled: DisabledReason | None
    """The webhook was disabled now."""


class Webhooks(Protocol):
    """Webhooks of one album, or (`album` is None) those of all albums."""

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
        """Add one with a first secret.

        Raises:
            Conflict: `too_many_webhooks`.
            RejectedInput: `album_name_not_allowed`.
        """
        ...

    def all_of(self, album: str | None) -> list[Webhook]:
        """Return them, oldest first."""
        ...

    def enabled(self) -> list[Webhook]:
        """Return every webhook that is enabled, of whatever album."""
        ...

    def get(self, album: str | None, webhook_id: str) -> Webhook:
        """Raises UnknownWebhook."""
        ...

    def change(self, album: str | None, webhook_id: str, change: WebhookChange) -> Webhook:
        """Raises UnknownWebhook."""
        ...

    def remove(self, album: str | None, webhook_id: str) -> None:
        """Remove one with its deliveries. Raises UnknownWebhook."""
        ...

    def add_secret(self, album: str | None, webhook_id: str, key_id: str) -> Webhook:
        """Add a secret, with which messages are signed besides the others.

        Raises:
            UnknownWebhook: there is no such webhook.
            Conflict: `too_many_secrets`.
        """
        ...

    def remove_secret(self, album: str | None, webhook_id: str, secret_id: str) -> Webhook:
        """Remove a secret.

        Raises:
            UnknownWebhook: there is no such webhook or secret.
            Conflict: `last_secret`.
        """
        ...


class WebhookDeliveries(Protocol):
    """What is delivered to webhooks. The caller's clock decides what is due."""

    def position(self) -> int:
        """Return up to which position the event log is relayed."""
        ...

    def advance(self, matches: Sequence[Match], *, after: int, to: int) -> list[int] | None:
        """Add deliveries of the events from `after` to `to`, and move the position there, in one transaction.

        Return those that are announced; None, and nothing is added, if the position is not `after` any more: another
        caller relays the same events. A delivery that exists already is not added again.
        """
        ...

    def replay_events(self, webhook_id: str, events: Sequence[RecordedEvent], *, now: datetime) -> list[int]:
        """Begin deliveries of these events anew, or for the first time."""
        ...

    def replay(self, webhook_id: str, delivery_id: int, *, now: datetime) -> Delivery:
        """Begin a delivery anew. Raises UnknownDelivery."""
        ...

    def add_test(self, webhook_id: str, *, now: datetime) -> Delivery:
        """Add a delivery without an event. Raises UnknownWebhook."""
        ...

    def due(self, now: datetime) -> list[int]:
        """Return deliveries whose time has come, a few of each webhook, and of none that is paused.

        Those about which a message was sent within the last half minute are left out.
        """
        ...

    def claim(self, delivery_id: int, *, now: datetime) -> Claim | None:
        """Lease a delivery; None if it is not due, ended, leased already, or its webhook takes no more attempts now."""
        ...

    def finish(self, delivery_id: int, attempt: Attempt, *, now: datetime, chance: float) -> Finished | None:
        """Record an attempt, and what follows from it (:func:`photofinish.domain.webhook.after_attempt`).

        A webhook that is disabled by it leaves an event in the log. None if the delivery was removed meanwhile.
        """
        ...

    def page(
        self, webhook_id: str, *, states: Collection[DeliveryState] | None, before: int | None, limit: int
    ) -> list[Delivery]:
        """Return deliveries with ids below `before`, newest first."""
        ...

    def get(self, webhook_id: str, delivery_id: int) -> tuple[Delivery, list[Attempt]]:
        """Return a delivery and its attempts, oldest first. Raises UnknownDelivery."""
        ...

    def expire(self, *, abandon_before: datetime, remove_before: datetime) -> None:
        """End deliveries that began before the one time, and remove those that began before the other."""
        ...


class NotSent(PhotofinishError):
    """A request to a webhook got no answer."""

    def __init__(self, error: AttemptError) -> None:
        super().__init__(error.value)
        self.error = error


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    status: int
    start: bytes
    """The first bytes of the body."""
    retry_after: str | None = None
    """The header `Retry-After`."""


class WebhookSender(Protocol):
    """Sends requests to addresses of the public internet."""

    def post(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """Send a request to an address that is checked for this request, and follow no redirect.

        Raises:
            NotSent: with the reason.
        """
        ...


class WebhookMessages(Protocol):
    """Messages to the function that delivers."""

    def announce(self, delivery_ids: Sequence[int]) -> None:
        """Ask for an attempt of each delivery."""
        ...

    def notify(self, subscription_ids: Sequence[str]) -> None:
        """Ask for the message of each subscription."""
        ...

    def nudge(self) -> None:
        """Say that there are new events."""
        ...
