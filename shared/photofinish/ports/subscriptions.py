"""Subscriptions, what is to be told of them, and how messages are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.subscription import (
    Channel,
    Contact,
    EndReason,
    Language,
    NewSubscription,
    Outcome,
    Subscription,
)
from photofinish.errors import NotFound


class UnknownSubscription(NotFound):
    """The album has no such subscription."""

    code = "unknown_subscription"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCount:
    """How many subscriptions of one kind an album has."""

    channel: Channel
    is_confirmed: bool
    subscriptions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationClaim:
    """A message that only the caller sends until its lease ends."""

    subscription_id: str
    album: str
    contact: Contact
    language: Language
    number: int
    """Of the message: the same at every attempt."""
    key_id: str | None
    photo_ids: tuple[str, ...]
    """New photos, the same at every attempt; empty: the message asks to confirm the address."""

    @property
    def asks_to_confirm(self) -> bool:
        return not self.photo_ids


@dataclass(frozen=True, slots=True)
class Sent:
    """What the end of an attempt leads to."""

    due: tuple[str, ...]
    """Other subscriptions, whose messages waited for a place: send messages about them."""
    ended: EndReason | None
    """The subscription ended now."""


class Subscriptions(Protocol):
    """Subscriptions of albums; each is recorded in the event log when it is made and when it ends."""

    def add(self, new: NewSubscription, *, now: datetime) -> Subscription:
        """Add one; one of the same owner and contact in the album is replaced and keeps its id and confirmation.

        Photos that are indexed from then on are told. E-mail addresses are asked to confirm first.

        Raises:
            Conflict: `subscription_limit`, of the owner, or of confirmations that the address was asked for.
            RejectedInput: `album_name_not_allowed`.
        """
        ...

    def get(self, album: str, subscription_id: str) -> Subscription:
        """Raises UnknownSubscription."""
        ...

    def of_owner(self, album: str, owner: str, *, limit: int, after: str | None = None) -> list[Subscription]:
        """Return those that a caller made, by id, from the one after `after`."""
        ...

    def counts(self, album: str) -> list[SubscriptionCount]:
        """Return how many an album has; kinds without any are left out."""
        ...

    def about(self, album: str, person_id: str) -> list[Subscription]:
        """Return those that are about a person of the album: by id, or by a selfie that matches the person."""
        ...

    def find(self, subscription_id: str) -> Subscription | None:
        """Return a subscription of whatever album; None if it ended."""
        ...

    def confirm(self, subscription_id: str, *, now: datetime) -> Subscription | None:
        """Confirm an address; None if there is no such subscription. Twice equals once."""
        ...

    def end(self, subscription_id: str, reason: EndReason, *, now: datetime) -> bool:
        """End one, and forget everything of it; return whether it was there."""
        ...

    def expire(self, now: datetime) -> int:
        """End those whose time is over or that were not confirmed in time; return how many."""
        ...


class Notifications(Protocol):
    """What is to be told to subscribers. The caller's clock decides what is due."""

    def match(self, now: datetime) -> bool:
        """Note the photos of the next events of the log, in one transaction; return whether there are more events.

        Each photo is told once to each subscription, from whichever event. Photos of which this version was indexed
        before a subscription was made are not told, unless a number was set by hand since.
        """
        ...

    def match_people(self, now: datetime) -> None:
        """Note photos that were found to show a person only after they were indexed."""
        ...

    def due(self, now: datetime) -> list[str]:
        """Return subscriptions whose message is due, a few for each destination, and of none that is paused.

        Those about which a message was sent within the last half minute are left out.
        """
        ...

    def claim(self, subscription_id: str, *, now: datetime) -> NotificationClaim | None:
        """Lease the message that is due; None if there is none, or its destination takes no more messages now."""
        ...

    def finish(self, claim: NotificationClaim, outcome: Outcome, *, now: datetime, chance: float) -> Sent:
        """Record an attempt and what follows from it (:func:`photofinish.domain.subscription.after_message`)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A message as every channel gets it."""

    message_id: str
    album: str
    subscription_id: str
    language: Language
    subject: str
    text: str
    """Sentences; without links."""
    link: str
    """Where the message leads: the album's page, or the confirmation."""
    end_text: str
    """What stands before `end_link`."""
    end_link: str
    """Ends the subscription, without sign-in; a GET only asks."""
    photo_ids: Sequence[str]
    """Empty: the message asks to confirm the address."""
    at: datetime
    key_id: str | None = None


class NotificationChannel(Protocol):
    """Sends messages by one channel."""

    def send(self, address: str, message: Notification) -> Outcome:
        """Send within 30 s. What goes wrong is logged without the address."""
        ...


Channels = Mapping[Channel, NotificationChannel]
"""Those that the deployment has."""
