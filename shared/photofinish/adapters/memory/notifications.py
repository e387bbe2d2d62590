"""What is to be told to subscribers, in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.domain.album_event import EventFilter, EventType, RecordedEvent, Shown
from photofinish.domain.subscription import (
    MAX_PHOTOS_A_MESSAGE,
    Contact,
    EndReason,
    Outcome,
    after_message,
    fits,
    message_due_at,
    places,
)
from photofinish.domain.webhook import ANNOUNCE_AGAIN_AFTER, HEALTHY, LEASE, Health, failed_again
from photofinish.ports import EventLog, NotificationClaim, Sent

if TYPE_CHECKING:
    from photofinish.adapters.memory.subscriptions import Row

_CHANGES = EventFilter(types=frozenset({EventType.FACE_INDEXED, EventType.BIB_CORRECTED}))


class _End(Protocol):
    def __call__(self, subscription_id: str, reason: EndReason, *, now: datetime) -> bool: ...


@dataclass
class MemoryNotifications:
    """:class:`photofinish.ports.Notifications`, over the rows of :class:`MemorySubscriptions`."""

    events: EventLog
    index: MemoryFaceIndex
    rows: dict[str, Row]
    lock: threading.RLock
    end: _End
    position: int = 0
    people: dict[str, set[str]] = field(default_factory=dict)
    """Photo id → people whom it shows; tests set it."""
    health: dict[str, Health] = field(default_factory=dict)
    """Of destinations."""

    def match(self, now: datetime) -> bool:
        with self.lock:
            page = self.events.page(None, _CHANGES, after=self.position, limit=1000)
            self.position = page.position
            for recorded in page.events:
                self._match(recorded, now)
            return len(page.events) == 1000

    def match_people(self, now: datetime) -> None:
        with self.lock:
            for recorded in self.events.page(None, _CHANGES, after=0, limit=100_000).events:
                if recorded.event.type is EventType.FACE_INDEXED:
                    self._match(recorded, now, only_people=True)

    def due(self, now: datetime) -> list[str]:
        with self.lock:
            return [one for destination in self._destinations() for one in self._due_of(destination, now)]

    def claim(self, subscription_id: str, *, now: datetime) -> NotificationClaim | None:
        with self.lock:
            row = self.rows.get(subscription_id)
            if row is None or not _is_due(row, now):
                return None
            contact = row.new.contact
            if self._leased(contact.destination, now) >= self._places(contact, now):
                row.announced_at = None
                return None
            photos: tuple[str, ...] = ()
            if row.seen.confirmed_at is not None:
                photos = self._photos(row)
                if not photos:
                    row.due_at = row.announced_at = None
                    return None
            row.leased_until = now + LEASE
            return NotificationClaim(
                subscription_id=subscription_id,
                album=row.seen.album,
                contact=contact,
                language=row.seen.language,
                number=row.number,
                key_id=row.new.key_id,
                photo_ids=photos,
            )

    def finish(self, claim: NotificationClaim, outcome: Outcome, *, now: datetime, chance: float) -> Sent:
        with self.lock:
            row = self.rows.get(claim.subscription_id)
            if row is None:
                return Sent((), None)
            destination = claim.contact.destination
            before = self.health.get(destination, HEALTHY)
            self.health[destination] = failed_again(before, now, now) if outcome is Outcome.FAILED else HEALTHY
            ended = None
            if row.number == claim.number:
                has_more = None in row.photos.values() and not claim.asks_to_confirm
                after = after_message(outcome, attempts=row.attempts, has_more=has_more, now=now, chance=chance)
                row.leased_until = row.announced_at = None
                row.attempts, row.due_at, ended = after.attempts, after.due_at, after.ended
                if after.is_told:
                    row.number, row.last_sent_at = row.number + 1, now
            due = self._due_of(destination, now)
            if ended is not None:
                self.end(claim.subscription_id, ended, now=now)
            return Sent(tuple(due), ended)

    def _match(self, recorded: RecordedEvent, now: datetime, *, only_people: bool = False) -> None:
        event, photo_id = recorded.event, recorded.event.photo_id or ""
        with self.index.locked():
            indexed = self.index.indexed(photo_id)
        if indexed is None:
            return
        people = frozenset(self.people.get(photo_id, ()))
        shown = Shown(frozenset() if only_people else frozenset(bib.number for bib in indexed.bibs), people)
        for row in self.rows.values():
            if (
                row.seen.album == event.album
                and row.seen.ends_at > now
                and recorded.position > row.since
                and (event.type is EventType.BIB_CORRECTED or not self._was_indexed(recorded, row.since))
                and fits(
                    bib=row.new.bib,
                    person_id=row.new.person_id,
                    faces=() if only_people else row.new.faces,
                    min_similarity=row.new.min_similarity,
                    shown=shown,
                    seen=[face.embedding for face in indexed.analysis.faces],
                )
                and photo_id not in row.photos
            ):
                row.photos[photo_id] = None
                if row.due_at is None and row.seen.confirmed_at is not None:
                    row.due_at = message_due_at(row.last_sent_at, now)

    def _was_indexed(self, recorded: RecordedEvent, since: int) -> bool:
        wanted = EventFilter(types=frozenset({EventType.FACE_INDEXED}), photo_id=recorded.event.photo_id)
        earlier = self.events.page(recorded.event.album, wanted, after=0, limit=1000).events
        return any(one.position <= since and one.event.generation == recorded.event.generation for one in earlier)

    def _photos(self, row: Row) -> tuple[str, ...]:
        if row.number not in row.photos.values():
            untold = sorted(photo_id for photo_id, number in row.photos.items() if number is None)
            row.photos |= dict.fromkeys(untold[:MAX_PHOTOS_A_MESSAGE], row.number)
        return tuple(sorted(photo_id for photo_id, number in row.photos.items() if number == row.number))

    def _destinations(self) -> Iterable[str]:
        return list(dict.fromkeys(row.new.contact.destination for row in self.rows.values()))

    def _places(self, contact: Contact, now: datetime) -> int:
        return places(contact.channel, self.health.get(contact.destination, HEALTHY), now)

    def _leased(self, destination: str, now: datetime) -> int:
        of_it = (row for row in self.rows.values() if row.new.contact.destination == destination)
        return sum(row.leased_until is not None and row.leased_until > now for row in of_it)

    def _due_of(self, destination: str, now: datetime) -> list[str]:
        waiting = [
            (row.due_at or now, subscription_id)
            for subscription_id, row in self.rows.items()
            if row.new.contact.destination == destination
            and _is_due(row, now)
            and (row.announced_at is None or row.announced_at <= now - ANNOUNCE_AGAIN_AFTER)
        ]
        if not waiting:
            return []
        free = self._places(self.rows[waiting[0][1]].new.contact, now) - self._leased(destination, now)
        found = [subscription_id for _, subscription_id in sorted(waiting)[: max(0, free)]]
        for subscription_id in found:
            self.rows[subscription_id].announced_at = now
        return found


def _is_due(row: Row, now: datetime) -> bool:
    return (
        row.due_at is not None
        and row.due_at <= now < row.seen.ends_at
        and (row.leased_until is None or row.leased_until <= now)
    )
