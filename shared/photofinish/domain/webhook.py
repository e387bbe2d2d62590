"""Webhooks: addresses that events are sent to, when a delivery is retried, and when a webhook is disabled."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from photofinish.domain.album_event import (
    NOTHING_SHOWN,
    AlbumEvent,
    EventFilter,
    EventType,
    RecordedEvent,
    Shown,
    fact_id,
    matches,
    time_text,
)

MAX_SECRETS = 2
"""While a secret is replaced, messages are signed with the old and the new one."""
MAX_DESCRIPTION_CHARS = 200
MAX_PER_ALBUM = 50
"""Webhooks of one album, and webhooks of all albums."""

# The example of the specification: standard-webhooks.md, "Deliverability and reliability".
RETRY_DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.1
ABANDON_AFTER = timedelta(hours=84)
"""A delivery that waited this long ends, also if its webhook was paused or disabled all the time."""
DISABLE_AFTER = timedelta(days=5)
MAX_IN_FLIGHT = 4
"""Attempts at the same time for one webhook."""
LEASE = timedelta(seconds=45)
"""How long a delivery belongs to the process that attempts it: an attempt takes 15 s at most."""
ANNOUNCE_AGAIN_AFTER = timedelta(seconds=45)
"""When a message about a due delivery counts as lost."""
_PAUSE_FROM_FAILURES = 4
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(minutes=15)
_SECONDS = re.compile(r"[0-9]{1,9}")


class SignatureScheme(StrEnum):
    """How the messages to a webhook are signed, named as in the header `webhook-signature`."""

    V1 = "v1"
    """HMAC-SHA256: the receiver has the secret."""
    V1A = "v1a"
    """Ed25519: the receiver has a public key, by which it cannot sign."""


class DisabledReason(StrEnum):
    """Why a webhook was disabled."""

    REQUESTED = "requested"
    """By a caller of the API."""
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """No attempt succeeded for DISABLE_AFTER."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """The schedule of retries ended."""


class AttemptError(StrEnum):
    """Why an attempt got no answer."""

    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    """The host name leads to an address that is not public."""
    UNKNOWN_HOST = "unknown_host"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    TIMEOUT = "timeout"
    BAD_ANSWER = "bad_answer"
    """What came is not HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the attempts for one webhook went lately."""

    failures: int = 0
    """Since the last success."""
    failing_since: datetime | None = None
    """Time of the first of them."""
    paused_until: datetime | None = None
    """No attempt before then."""


HEALTHY = Health()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVersion:
    """A secret or private key that messages are signed with, derived from the id: see `webhook_signature.py`."""

    secret_id: str
    key_id: str
    """Which value of the deployment's key it is derived from."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that events are sent to."""

    webhook_id: str
    album: str | None
    """None: events of all albums."""
    url: str
    wanted: EventFilter
    description: str
    signature: SignatureScheme
    secrets: tuple[SecretVersion, ...]
    """Oldest first."""
    created_at: datetime
    since: datetime
    """Events that were recorded before are not sent, unless they are replayed."""
    disabled: DisabledReason | None = None
    disabled_at: datetime | None = None
    health: Health = HEALTHY

    @property
    def needs_shown(self) -> bool:
        """Whether its filter goes by what photos show."""
        return self.wanted.bib is not None or self.wanted.person_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request to a webhook, and its answer."""

    at: datetime
    url: str
    duration_ms: int
    status: int | None = None
    """HTTP status; None without an answer."""
    error: AttemptError | None = None
    answer: str = field(default="", repr=False)
    """The first characters of the answer's body."""
    retry_after: timedelta | None = None
    """For how long the receiver asked to be left alone."""

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one webhook."""

    delivery_id: int
    webhook_id: str
    event: RecordedEvent | None
    """None: a test."""
    created_at: datetime
    started_at: datetime
    """When its schedule began: `created_at`, or the last replay."""
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    """Since `started_at`."""
    next_attempt_at: datetime | None = None
    """None if it ended."""

    @property
    def message_id(self) -> str:
        """The header `webhook-id`: the same at every attempt, and in every replay."""
        if self.event is None:
            return str(fact_id("webhook.test", self.webhook_id, self.delivery_id))
        return str(self.event.event.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterAttempt:
    """What an attempt changes."""

    health: Health
    state: DeliveryState
    next_attempt_at: datetime | None
    disabled: DisabledReason | None
    """The webhook is disabled from now on."""


def wants(webhook: Webhook, recorded: RecordedEvent, shown: Shown = NOTHING_SHOWN) -> bool:
    """Whether an event of the log is to be sent to `webhook`, whose photo shows `shown`."""
    event = recorded.event
    return (
        webhook.disabled is None
        and webhook.album in (None, event.album)
        and recorded.recorded_at >= webhook.since
        and matches(event, webhook.wanted, shown)
    )


def is_open(webhook: Webhook, delivery: Delivery) -> bool:
    """Whether a delivery still waits for an attempt; a test reaches a webhook that is disabled, too."""
    return delivery.state is DeliveryState.PENDING and (webhook.disabled is None or delivery.event is None)


def retry_delay(attempts: int, chance: float) -> timedelta | None:
    """Return the pause after the failed attempt number `attempts` (from 1); None after the last one.

    `chance`, from 0 to 1, spreads retries of deliveries that failed together.
    """
    if attempts > len(RETRY_DELAYS):
        return None
    return RETRY_DELAYS[attempts - 1] * (1 + JITTER * (2 * chance - 1))


def in_flight_limit(health: Health, now: datetime) -> int:
    """Return how many attempts a webhook may have at the same time: one that fails takes no place from others."""
    if health.paused_until is not None and health.paused_until > now:
        return 0
    return 1 if health.failures else MAX_IN_FLIGHT


def after_attempt(
    attempt: Attempt, *, delivery: Delivery, health: Health, now: datetime, chance: float
) -> AfterAttempt:
    """Return what an attempt changes; `delivery` and `health` are those before it.

    A test is not repeated, and says nothing about the health.
    """
    if delivery.event is None:
        state = DeliveryState.DELIVERED if attempt.succeeded else DeliveryState.FAILED
        return AfterAttempt(health=health, state=state, next_attempt_at=None, disabled=None)
    if attempt.succeeded:
        return AfterAttempt(health=HEALTHY, state=DeliveryState.DELIVERED, next_attempt_at=None, disabled=None)
    failed = failed_again(health, attempt.at, now, asked=attempt.retry_after)
    delay = retry_delay(delivery.attempts + 1, chance)
    if delay is not None and attempt.retry_after is not None:
        delay = max(delay, attempt.retry_after * (1 + JITTER * chance))
    return AfterAttempt(
        health=failed,
        state=DeliveryState.FAILED if delay is None else DeliveryState.PENDING,
        next_attempt_at=None if delay is None else now + delay,
        disabled=_reason_to_disable(attempt, failed, now),
    )


def retry_after(status: int, header: str | None, now: datetime) -> timedelta | None:
    """Return for how long an answer asks to be left alone: `Retry-After` of 429 or 503 (RFC 9110), at most a day.

    None where it does not ask, or in no way that can be understood.
    """
    if header is None or status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return None
    if _SECONDS.fullmatch(header.strip()):
        asked = timedelta(seconds=int(header))
    else:
        try:
            at = parsedate_to_datetime(header)
        except ValueError:
            return None
        asked = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - now
    return min(max(asked, timedelta()), RETRY_DELAYS[-1])


def failed_again(health: Health, at: datetime, now: datetime, *, asked: timedelta | None = None) -> Health:
    """Return the health after one more failed attempt, which began at `at` and was asked to wait so long."""
    failures = health.failures + 1
    pauses = failures - _PAUSE_FROM_FAILURES
    pause = timedelta() if pauses < 0 else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(pauses, 10))
    # Other deliveries wait, too, if not as long: one attempt in a quarter of an hour asks whether it is well again.
    pause = max(pause, min(asked or timedelta(), _LONGEST_PAUSE))
    return Health(
        failures=failures,
        failing_since=health.failing_since or at,
        paused_until=now + pause if pause else None,
    )


def _reason_to_disable(attempt: Attempt, health: Health, now: datetime) -> DisabledReason | None:
    if attempt.status == HTTPStatus.GONE:
        return DisabledReason.GONE
    if health.failing_since is not None and now - health.failing_since >= DISABLE_AFTER:
        return DisabledReason.FAILING
    return None


def disabled_event(webhook: Webhook, reason: DisabledReason, album: str, now: datetime) -> AlbumEvent:
    """Return the event that says so, in the log of the album whose event could not be delivered."""
    return AlbumEvent(
        id=fact_id(EventType.WEBHOOK_DISABLED, webhook.webhook_id, now.isoformat()),
        type=EventType.WEBHOOK_DISABLED,
        album=album,
        occurred_at=now,
        data={"webhook_id": webhook.webhook_id, "reason": reason.value},
    )


def event_of_test(webhook: Webhook, delivery: Delivery) -> dict[str, Any]:
    """Return the CloudEvent that a test sends."""
    return {
        "specversion": "1.0",
        "id": delivery.message_id,
        "source": "/v1/webhooks",
        "type": "photofinish.webhook.test",
        "time": time_text(delivery.created_at),
        "datacontenttype": "application/json",
        "data": {"webhook_id": webhook.webhook_id},
    }
