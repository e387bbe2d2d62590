"""Subscriptions in memory."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.memory.notifications import MemoryNotifications
from photofinish.domain.album_event import Shown
from photofinish.domain.photo import check_visible
from photofinish.domain.subscription import (
    CONFIRM_WITHIN,
    MAX_CONFIRMATIONS_A_DAY,
    Channel,
    EndReason,
    NewSubscription,
    Subscription,
    created_event,
    ended_event,
    fits,
)
from photofinish.errors import Conflict
from photofinish.ports import EventLog, SubscriptionCount, UnknownSubscription


@dataclass
class Row:
    """One subscription with what is to be told."""

    new: NewSubscription
    seen: Subscription
    since: int
    number: int = 1
    attempts: int = 0
    due_at: datetime | None = None
    announced_at: datetime | None = None
    leased_until: datetime | None = None
    last_sent_at: datetime | None = None
    photos: dict[str, int | None] = field(default_factory=dict)
    """Photo id → number of the message that tells it; None: none yet."""


class MemorySubscriptions:
    """:class:`photofinish.ports.Subscriptions` and, by `notifications`, Notifications; threads may share it."""

    def __init__(self, events: EventLog, index: MemoryFaceIndex) -> None:
        self._events = events
        self._index = index
        self._lock = threading.RLock()
        self._rows: dict[str, Row] = {}
        self._asked: list[tuple[bytes, datetime]] = []
        self.notifications = MemoryNotifications(events, index, self._rows, self._lock, self.end)

    def add(self, new: NewSubscription, *, now: datetime) -> Subscription:
        check_visible(new.album)
        with self._lock:
            known = next((row for row in self._rows.values() if _key(row.new) == _key(new)), None)
            if known is None and len(self._of(new.album, new.owner)) >= new.max_of_owner:
                raise Conflict("subscription_limit", f"There are {new.max_of_owner} subscriptions here already.")
            confirmed_at = None if known is None else known.seen.confirmed_at
            asks = new.contact.channel is Channel.EMAIL and confirmed_at is None
            if asks:
                recent = [at for contact, at in self._asked if contact == new.contact_hash and at > now - _DAY]
                if len(recent) >= MAX_CONFIRMATIONS_A_DAY:
                    raise Conflict("subscription_limit", "This address was asked too often today.")
                self._asked.append((new.contact_hash, now))
            made = Subscription(
                subscription_id=str(uuid.uuid4()) if known is None else known.seen.subscription_id,
                album=new.album,
                owner=new.owner,
                channel=new.contact.channel,
                language=new.language,
                bib=new.bib,
                person_id=new.person_id,
                selfies=new.selfies,
                text_version=new.text_version,
                created_at=now,
                confirmed_at=confirmed_at if asks or confirmed_at is not None else now,
                ends_at=new.ends_at,
            )
            self._rows[made.subscription_id] = Row(
                new,
                made,
                since=self._events.head(),
                number=1 if known is None else known.number + 1,
                due_at=now if asks else None,
                last_sent_at=None if known is None else known.last_sent_at,
            )
            self._events.append([created_event(made)])
            return made

    def get(self, album: str, subscription_id: str) -> Subscription:
        with self._lock:
            row = self._rows.get(subscription_id)
            if row is None or row.seen.album != album:
                raise UnknownSubscription("This album has no such subscription.")
            return row.seen

    def of_owner(self, album: str, owner: str, *, limit: int, after: str | None = None) -> list[Subscription]:
        with self._lock:
            found = sorted(self._of(album, owner), key=lambda one: one.subscription_id)
        return [one for one in found if after is None or one.subscription_id > after][:limit]

    def counts(self, album: str) -> list[SubscriptionCount]:
        with self._lock:
            counted = Counter(
                (row.seen.channel, row.seen.confirmed_at is not None)
                for row in self._rows.values()
                if row.seen.album == album
            )
        return [
            SubscriptionCount(channel=channel, is_confirmed=is_confirmed, subscriptions=count)
            for (channel, is_confirmed), count in sorted(counted.items())
        ]

    def about(self, album: str, person_id: str) -> list[Subscription]:
        own = [
            face.embedding
            for photo in self._index.analyses(album)
            for face in photo.analysis.faces
            if person_id in self.notifications.people.get(photo.photo.photo_id, ())
        ]
        with self._lock:
            return [
                row.seen
                for row in self._rows.values()
                if row.seen.album == album
                and (
                    row.seen.person_id == person_id
                    or fits(
                        bib=None,
                        person_id=None,
                        faces=row.new.faces,
                        min_similarity=row.new.min_similarity,
                        shown=Shown(),
                        seen=own,
                    )
                )
            ]

    def confirm(self, subscription_id: str, *, now: datetime) -> Subscription | None:
        with self._lock:
            row = self._rows.get(subscription_id)
            if row is None:
                return None
            if row.seen.confirmed_at is None and row.seen.ends_at > now:
                row.seen = replace(row.seen, confirmed_at=now)
                row.due_at = now if row.photos else None
                row.announced_at = row.leased_until = None
                row.number, row.attempts = row.number + 1, 0
            return row.seen

    def find(self, subscription_id: str) -> Subscription | None:
        row = self._rows.get(subscription_id)
        return None if row is None else row.seen

    def end(self, subscription_id: str, reason: EndReason, *, now: datetime) -> bool:
        with self._lock:
            row = self._rows.pop(subscription_id, None)
            if row is None:
                return False
            self._events.append([ended_event(subscription_id, row.seen.album, row.seen.channel, reason, now)])
            return True

    def expire(self, now: datetime) -> int:
        with self._lock:
            self._asked = [(contact, at) for contact, at in self._asked if at > now - _DAY]
            ended = 0
            for subscription_id, row in list(self._rows.items()):
                if row.seen.ends_at <= now:
                    ended += self.end(subscription_id, EndReason.EXPIRED, now=now)
                elif row.seen.confirmed_at is None and row.seen.created_at <= now - CONFIRM_WITHIN:
                    ended += self.end(subscription_id, EndReason.NOT_CONFIRMED, now=now)
            return ended

    def _of(self, album: str, owner: str) -> list[Subscription]:
        return [row.seen for row in self._rows.values() if (row.seen.album, row.seen.owner) == (album, owner)]


_DAY = timedelta(days=1)


def _key(new: NewSubscription) -> tuple[str, str, bytes]:
    return new.album, new.owner, new.contact_hash
