"""Deliveries to webhooks in memory, and messages about them."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from photofinish.domain.album_event import RecordedEvent
from photofinish.domain.webhook import (
    ANNOUNCE_AGAIN_AFTER,
    LEASE,
    MAX_IN_FLIGHT,
    Attempt,
    Delivery,
    DeliveryState,
    Webhook,
    after_attempt,
    disabled_event,
    in_flight_limit,
    is_open,
)
from photofinish.ports import Claim, EventLog, Finished, Match, UnknownDelivery, UnknownWebhook


@dataclass(slots=True)
class _Row:
    delivery: Delivery
    announced_at: datetime | None
    leased_until: datetime | None = None


class MemoryWebhookDeliveries:
    """:class:`photofinish.ports.WebhookDeliveries`."""

    def __init__(self, events: EventLog, webhooks: dict[str, Webhook], lock: threading.RLock) -> None:
        self._events = events
        self._webhooks = webhooks
        self._lock = lock
        self._position = 0
        self._ids = itertools.count(1)
        self._rows: dict[int, _Row] = {}
        self._attempts: defaultdict[int, list[Attempt]] = defaultdict(list)

    def position(self) -> int:
        return self._position

    def advance(self, matches: Sequence[Match], *, after: int, to: int) -> list[int] | None:
        with self._lock:
            if self._position != after:
                return None
            self._position = to
            announced, now = [], datetime.now(UTC)
            for match in matches:
                if match.webhook_id in self._webhooks and self._of_event(match.webhook_id, match.event) is None:
                    row = self._add(match.webhook_id, match.event, now, announced=match.announced)
                    announced += [row.delivery.delivery_id] if match.announced else []
            return announced

    def replay_events(self, webhook_id: str, events: Sequence[RecordedEvent], *, now: datetime) -> list[int]:
        with self._lock:
            ids = []
            for event in events:
                row = self._of_event(webhook_id, event) or self._add(webhook_id, event, now, announced=True)
                ids.append(self.replay(webhook_id, row.delivery.delivery_id, now=now).delivery_id)
            return ids

    def replay(self, webhook_id: str, delivery_id: int, *, now: datetime) -> Delivery:
        with self._lock:
            row = self._row(webhook_id, delivery_id)
            row.announced_at = now
            row.delivery = replace(
                row.delivery, started_at=now, state=DeliveryState.PENDING, attempts=0, next_attempt_at=now
            )
            return row.delivery

    def add_test(self, webhook_id: str, *, now: datetime) -> Delivery:
        with self._lock:
            if webhook_id not in self._webhooks:
                raise UnknownWebhook("There is no such webhook here.")
            return self._add(webhook_id, None, now, announced=True).delivery

    def due(self, now: datetime) -> list[int]:
        with self._lock:
            return [
                delivery_id
                for webhook in self._webhooks.values()
                for delivery_id in self._due_of(webhook, now, MAX_IN_FLIGHT - self._leased(webhook, now))
            ]

    def claim(self, delivery_id: int, *, now: datetime) -> Claim | None:
        with self._lock:
            row = self._rows.get(delivery_id)
            if row is None:
                return None
            webhook = self._webhooks[row.delivery.webhook_id]
            if not is_open(webhook, row.delivery):
                return None
            if row.delivery.event is not None:
                limit = in_flight_limit(webhook.health, now)
                if limit <= self._leased(webhook, now):
                    row.announced_at = None
                    return None
            if not _is_due(row, now):
                return None
            row.leased_until = now + LEASE
            return Claim(webhook, row.delivery)

    def finish(self, delivery_id: int, attempt: Attempt, *, now: datetime, chance: float) -> Finished | None:
        with self._lock:
            row = self._rows.get(delivery_id)
            if row is None:
                return None
            webhook = self._webhooks[row.delivery.webhook_id]
            after = after_attempt(attempt, delivery=row.delivery, health=webhook.health, now=now, chance=chance)
            self._attempts[delivery_id].append(attempt)
            if row.delivery.state is DeliveryState.PENDING:
                row.leased_until = row.announced_at = None
                row.delivery = replace(
                    row.delivery,
                    attempts=row.delivery.attempts + 1,
                    state=after.state,
                    next_attempt_at=after.next_attempt_at,
                )
            webhook = replace(webhook, health=after.health)
            disabled = after.disabled if webhook.disabled is None else None
            if disabled is not None:
                assert row.delivery.event is not None, "a test disables nothing"
                webhook = replace(webhook, disabled=disabled, disabled_at=now)
                self._events.append([disabled_event(webhook, disabled, row.delivery.event.event.album, now)])
            self._webhooks[webhook.webhook_id] = webhook
            places = in_flight_limit(after.health, now) - self._leased(webhook, now)
            return Finished(tuple(self._due_of(webhook, now, places)), disabled)

    def page(
        self, webhook_id: str, *, states: Collection[DeliveryState] | None, before: int | None, limit: int
    ) -> list[Delivery]:
        with self._lock:
            found = [
                row.delivery
                for delivery_id, row in self._rows.items()
                if row.delivery.webhook_id == webhook_id
                and (states is None or row.delivery.state in states)
                and (before is None or delivery_id < before)
            ]
        return found[::-1][:limit]

    def get(self, webhook_id: str, delivery_id: int) -> tuple[Delivery, list[Attempt]]:
        with self._lock:
            return self._row(webhook_id, delivery_id).delivery, list(self._attempts[delivery_id])

    def expire(self, *, abandon_before: datetime, remove_before: datetime) -> None:
        with self._lock:
            for delivery_id, row in list(self._rows.items()):
                if row.delivery.started_at < remove_before:
                    del self._rows[delivery_id]
                elif row.delivery.state is DeliveryState.PENDING and row.delivery.started_at < abandon_before:
                    row.delivery = replace(row.delivery, state=DeliveryState.FAILED, next_attempt_at=None)

    def forget(self, webhook_id: str) -> None:
        """Remove the deliveries of a webhook."""
        for delivery_id in [id_ for id_, row in self._rows.items() if row.delivery.webhook_id == webhook_id]:
            del self._rows[delivery_id]

    def _add(self, webhook_id: str, event: RecordedEvent | None, now: datetime, *, announced: bool) -> _Row:
        delivery = Delivery(
            delivery_id=next(self._ids),
            webhook_id=webhook_id,
            event=event,
            created_at=now,
            started_at=now,
            next_attempt_at=now,
        )
        row = self._rows[delivery.delivery_id] = _Row(delivery, now if announced else None)
        return row

    def _row(self, webhook_id: str, delivery_id: int) -> _Row:
        row = self._rows.get(delivery_id)
        if row is None or row.delivery.webhook_id != webhook_id:
            raise UnknownDelivery("The webhook has no such delivery.")
        return row

    def _of_event(self, webhook_id: str, event: RecordedEvent) -> _Row | None:
        return next(
            (
                row
                for row in self._rows.values()
                if row.delivery.webhook_id == webhook_id
                and row.delivery.event is not None
                and row.delivery.event.position == event.position
            ),
            None,
        )

    def _leased(self, webhook: Webhook, now: datetime) -> int:
        of_webhook = (row for row in self._rows.values() if row.delivery.webhook_id == webhook.webhook_id)
        return sum(row.leased_until is not None and row.leased_until > now for row in of_webhook)

    def _due_of(self, webhook: Webhook, now: datetime, limit: int) -> list[int]:
        """Up to `limit` due deliveries, which count as announced from now on."""
        paused_until = webhook.health.paused_until
        if webhook.disabled is not None or (paused_until is not None and paused_until > now):
            return []
        due = [
            row
            for row in self._rows.values()
            if row.delivery.webhook_id == webhook.webhook_id
            and _is_due(row, now)
            and (row.announced_at is None or row.announced_at <= now - ANNOUNCE_AGAIN_AFTER)
        ]
        due = sorted(due, key=lambda row: row.delivery.next_attempt_at or now)[: max(0, limit)]
        for row in due:
            row.announced_at = now
        return [row.delivery.delivery_id for row in due]


class MemoryWebhookMessages:
    """:class:`photofinish.ports.WebhookMessages`; a test hands them on."""

    def __init__(self) -> None:
        self.announced: list[int] = []
        """Ids of deliveries, oldest message first."""
        self.notified: list[str] = []
        """Ids of subscriptions, oldest message first."""
        self.nudges = 0

    def announce(self, delivery_ids: Sequence[int]) -> None:
        self.announced += delivery_ids

    def notify(self, subscription_ids: Sequence[str]) -> None:
        self.notified += subscription_ids

    def nudge(self) -> None:
        self.nudges += 1


def _is_due(row: _Row, now: datetime) -> bool:
    at = row.delivery.next_attempt_at
    return at is not None and at <= now and (row.leased_until is None or row.leased_until <= now)
