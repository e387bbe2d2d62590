"""Subscriptions: who is told of new photos of theirs, by which channel, and when a message is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

import numpy as np

from photofinish.domain.album_event import AlbumEvent, EventType, Shown, fact_id
from photofinish.domain.bib_number import normal_number
from photofinish.domain.face import Embedding
from photofinish.domain.webhook import Health, in_flight_limit, retry_delay

MESSAGE_EVERY = timedelta(minutes=1)
"""Photos that are found in between are told together."""
CONFIRM_WITHIN = timedelta(hours=48)
MAX_CONFIRMATIONS_A_DAY = 3
"""Messages that ask one address for its confirmation, in all albums and by all callers together."""
MAX_PER_USER = 5
"""Subscriptions of one signed-in user in one album."""
MAX_PER_KEY = 20_000
"""Subscriptions of one API key in one album: an app subscribes its users."""
MAX_PHOTOS_A_MESSAGE = 500


class Channel(StrEnum):
    """How a message gets to a person."""

    EMAIL = "email"
    FCM = "fcm"
    """A push message to an app or a browser, through Firebase Cloud Messaging."""
    WEBHOOK = "webhook"


_MAX_IN_FLIGHT = {Channel.EMAIL: 8, Channel.FCM: 16, Channel.WEBHOOK: 4}


class Language(StrEnum):
    """Of messages that people read."""

    ENGLISH = "en"
    GERMAN = "de"
    SPANISH = "es"


class EndReason(StrEnum):
    """Why a subscription ended. An erasure of its album or person leaves no event of it."""

    REQUESTED = "requested"
    EXPIRED = "expired"
    NOT_CONFIRMED = "not_confirmed"
    GONE = "gone"
    """The address, app or webhook does not exist any more."""
    FAILING = "failing"
    """No message arrived for three days."""
    OPTED_OUT = "opted_out"
    """The person opted out of having faces indexed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where messages go. Its repr does not show it."""

    channel: Channel
    address: str = field(repr=False)
    """E-mail address, registration token or URL."""
    destination: str = field(repr=False)
    """What all messages that may delay each other have in common: a channel, or the host of a webhook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscription:
    """What a caller asks for. A photo that fits one of `bib`, `person_id` and `faces` is told."""

    album: str
    owner: str
    """The caller: kind and id."""
    contact: Contact
    contact_hash: bytes
    """Keyed, see `subscription_link.py`: the same contact of the same owner has one subscription in an album."""
    language: Language
    ends_at: datetime
    bib: str | None = None
    """In its normal form."""
    person_id: str | None = None
    selfies: int = 0
    faces: tuple[Embedding, ...] = field(default=(), repr=False)
    """Of the selfies, and the person's likeness."""
    min_similarity: float = 1.0
    text_version: str | None = None
    """Of the consent text that was agreed to."""
    key_id: str | None = None
    """Of a webhook: which value of the deployment's key its secret is derived from."""
    max_of_owner: int = MAX_PER_USER


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as callers see it: without contact and faces."""

    subscription_id: str
    album: str
    owner: str
    channel: Channel
    language: Language
    bib: str | None
    person_id: str | None
    selfies: int
    text_version: str | None
    created_at: datetime
    confirmed_at: datetime | None
    """None: waits for the confirmation of an e-mail address."""
    ends_at: datetime


class Outcome(StrEnum):
    """What came of sending a message."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """Try again later."""
    GONE = "gone"
    """No message will ever arrive there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterMessage:
    """What an attempt to send a message changes."""

    is_told: bool
    """The next message has the next number."""
    attempts: int
    due_at: datetime | None
    ended: EndReason | None


def message_due_at(last_sent_at: datetime | None, now: datetime) -> datetime:
    """Return when something new is told: now, or when the last message is old enough."""
    return now if last_sent_at is None else max(now, last_sent_at + MESSAGE_EVERY)


def after_message(outcome: Outcome, *, attempts: int, has_more: bool, now: datetime, chance: float) -> AfterMessage:
    """`attempts`: those before. `has_more`: photos are waiting that this message does not tell."""
    match outcome:
        case Outcome.DELIVERED:
            due_at = message_due_at(now, now) if has_more else None
            return AfterMessage(is_told=True, attempts=0, due_at=due_at, ended=None)
        case Outcome.GONE:
            return AfterMessage(is_told=False, attempts=attempts + 1, due_at=None, ended=EndReason.GONE)
        case Outcome.FAILED:
            delay = retry_delay(attempts + 1, chance)
            return AfterMessage(
                is_told=False,
                attempts=attempts + 1,
                due_at=None if delay is None else now + delay,
                ended=EndReason.FAILING if delay is None else None,
            )


def places(channel: Channel, health: Health, now: datetime) -> int:
    """Return how many messages may be on their way to one destination: one that fails takes no place from others."""
    limit = in_flight_limit(health, now)
    return _MAX_IN_FLIGHT[channel] if limit > 1 else limit


def end_of_subscription(ends_on: date | None, *, days: int, now: datetime) -> datetime:
    """Return the end of the album's last day (UTC), but no more than `days` from now."""
    latest = now + timedelta(days=days)
    return latest if ends_on is None else min(latest, datetime.combine(ends_on, time.max, UTC))


def fits(
    *,
    bib: str | None,
    person_id: str | None,
    faces: Sequence[Embedding],
    min_similarity: float,
    shown: Shown,
    seen: Sequence[Embedding],
) -> bool:
    """Whether a photo that shows `shown` and the faces `seen` is one of whom a subscription is about."""
    return (
        (bib is not None and normal_number(bib) in shown.bib_numbers)
        or (person_id is not None and person_id in shown.person_ids)
        or any(
            one.space == face.space and float(np.dot(one.vector, face.vector)) >= min_similarity
            for one in seen
            for face in faces
        )
    )


def message_id(subscription_id: str, number: int) -> UUID:
    """Return the id of a message: the same at every attempt."""
    return fact_id("subscription.message", subscription_id, number)


def created_event(subscription: Subscription) -> AlbumEvent:
    """Return the event that says so, without contact, number and face."""
    return AlbumEvent(
        id=fact_id(EventType.SUBSCRIPTION_CREATED, subscription.subscription_id, subscription.created_at.isoformat()),
        type=EventType.SUBSCRIPTION_CREATED,
        album=subscription.album,
        occurred_at=subscription.created_at,
        data={"subscription_id": subscription.subscription_id, "channel": subscription.channel.value},
    )


def ended_event(subscription_id: str, album: str, channel: Channel, reason: EndReason, now: datetime) -> AlbumEvent:
    return AlbumEvent(
        id=fact_id(EventType.SUBSCRIPTION_ENDED, subscription_id, now.isoformat()),
        type=EventType.SUBSCRIPTION_ENDED,
        album=album,
        occurred_at=now,
        data={"subscription_id": subscription_id, "channel": channel.value, "reason": reason.value},
    )
