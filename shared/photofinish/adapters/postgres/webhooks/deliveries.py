"""Deliveries to webhooks in Postgres; statements in `sql/webhooks.sql`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import sql

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Connection, Database, storable
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.adapters.postgres.webhooks.registry import disable
from photofinish.adapters.postgres.webhooks.rows import read_deliveries, read_webhooks
from photofinish.domain.album_event import RecordedEvent
from photofinish.domain.webhook import (
    ANNOUNCE_AGAIN_AFTER,
    LEASE,
    MAX_IN_FLIGHT,
    AfterAttempt,
    Attempt,
    AttemptError,
    Delivery,
    DeliveryState,
    DisabledReason,
    Webhook,
    after_attempt,
    disabled_event,
    in_flight_limit,
    is_open,
)
from photofinish.ports import Claim, Finished, Match, UnknownDelivery, UnknownWebhook

_query = Statements("webhooks")
_THE_DELIVERY = sql.SQL("delivery_id = %(delivery_id)s")
_OF_WEBHOOK = sql.SQL("webhook_id = %(webhook_id)s AND delivery_id = %(delivery_id)s")
_ONE_WEBHOOK = sql.SQL("webhook.webhook_id = %(webhook_id)s")
_PAGE = sql.SQL(
    "webhook_id = %(webhook_id)s AND state = ANY (%(states)s)"
    " AND (%(before)s::bigint IS NULL OR delivery_id < %(before)s)"
)


class PgWebhookDeliveries:
    """:class:`photofinish.ports.WebhookDeliveries`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self) -> int:
        with self._database.transaction() as conn:
            [position] = conn.execute(_query("position")).fetchone() or (0,)
            return int(position)

    def advance(self, matches: Sequence[Match], *, after: int, to: int) -> list[int] | None:
        with self._database.transaction() as conn:
            if conn.execute(_query("advance"), {"after": after, "to": to}).rowcount == 0:
                return None
            if not matches:
                return []
            values = {
                "webhook_ids": [UUID(match.webhook_id) for match in matches],
                "positions": [match.event.position for match in matches],
                "announced": [match.announced for match in matches],
            }
            added = conn.execute(_query("add_deliveries"), values).fetchall()
        return [delivery_id for delivery_id, announced in added if announced]

    def replay_events(self, webhook_id: str, events: Sequence[RecordedEvent], *, now: datetime) -> list[int]:
        positions = [recorded.position for recorded in events]
        with self._database.transaction() as conn:
            values = {"webhook_id": as_uuid(webhook_id), "positions": positions, "now": now}
            return [delivery_id for (delivery_id,) in conn.execute(_query("replay_events"), values)]

    def replay(self, webhook_id: str, delivery_id: int, *, now: datetime) -> Delivery:
        with self._database.transaction() as conn:
            values = {"webhook_id": as_uuid(webhook_id), "delivery_id": delivery_id, "now": now}
            if conn.execute(_query("replay"), values).rowcount == 0:
                raise UnknownDelivery("The webhook has no such delivery.")
            return _delivery(conn, delivery_id)

    def add_test(self, webhook_id: str, *, now: datetime) -> Delivery:
        with self._database.transaction() as conn:
            row = conn.execute(_query("add_test"), {"webhook_id": as_uuid(webhook_id), "now": now}).fetchone()
            if row is None:
                raise UnknownWebhook("There is no such webhook here.")
            return _delivery(conn, row[0])

    def due(self, now: datetime) -> list[int]:
        with self._database.transaction() as conn:
            return _due(conn, sql.SQL("true"), places=MAX_IN_FLIGHT, now=now)

    def claim(self, delivery_id: int, *, now: datetime) -> Claim | None:
        with self._database.transaction() as conn:
            webhook = _lock_webhook_of(conn, delivery_id)
            if webhook is None:
                return None
            [(delivery, event_removed)] = read_deliveries(conn, _THE_DELIVERY, limit=1, delivery_id=delivery_id)
            if event_removed:
                conn.execute(_query("forget"), {"delivery_id": delivery_id})
                return None
            if not is_open(webhook, delivery):
                return None
            values = {
                "delivery_id": delivery_id,
                "webhook_id": UUID(webhook.webhook_id),
                "now": now,
                "until": now + LEASE,
                # A test takes no place.
                "places": None if delivery.event is None else in_flight_limit(webhook.health, now),
            }
            if conn.execute(_query("lease"), values).rowcount:
                return Claim(webhook, delivery)
            conn.execute(_query("wait"), {"delivery_id": delivery_id})
            return None

    def finish(self, delivery_id: int, attempt: Attempt, *, now: datetime, chance: float) -> Finished | None:
        with self._database.transaction() as conn:
            webhook = _lock_webhook_of(conn, delivery_id)
            if webhook is None:
                return None
            [(delivery, _)] = read_deliveries(conn, _THE_DELIVERY, limit=1, delivery_id=delivery_id)
            after = after_attempt(attempt, delivery=delivery, health=webhook.health, now=now, chance=chance)
            _record(conn, delivery_id, attempt, after)
            if after.health != webhook.health:
                _set_health(conn, webhook, after)
            due: list[int] = []
            disabled = None
            if after.disabled is not None and disable(conn, UUID(webhook.webhook_id), after.disabled, now):
                disabled = after.disabled
                _record_disabled(conn, webhook, delivery, disabled, now)
            elif (places := in_flight_limit(after.health, now)) > 0:
                due = _due(conn, _ONE_WEBHOOK, places=places, now=now, webhook_id=UUID(webhook.webhook_id))
            return Finished(tuple(due), disabled)

    def page(
        self, webhook_id: str, *, states: Collection[DeliveryState] | None, before: int | None, limit: int
    ) -> list[Delivery]:
        values = {
            "webhook_id": as_uuid(webhook_id),
            "states": [state.value for state in (DeliveryState if states is None else states)],
            "before": before,
        }
        with self._database.transaction() as conn:
            return [delivery for delivery, _ in read_deliveries(conn, _PAGE, limit=limit, **values)]

    def get(self, webhook_id: str, delivery_id: int) -> tuple[Delivery, list[Attempt]]:
        with self._database.transaction() as conn:
            values = {"webhook_id": as_uuid(webhook_id), "delivery_id": delivery_id}
            found = read_deliveries(conn, _OF_WEBHOOK, limit=1, **values)
            if not found:
                raise UnknownDelivery("The webhook has no such delivery.")
            rows = conn.execute(_query("attempts"), {"delivery_id": delivery_id})
            return found[0][0], [
                Attempt(
                    at=at,
                    url=url,
                    duration_ms=duration_ms,
                    status=status,
                    error=None if error is None else AttemptError(error),
                    answer=answer,
                )
                for at, url, duration_ms, status, error, answer in rows
            ]

    def expire(self, *, abandon_before: datetime, remove_before: datetime) -> None:
        with self._database.transaction() as conn:
            conn.execute(_query("abandon"), {"before": abandon_before})
            conn.execute(_query("expire"), {"before": remove_before})


def _lock_webhook_of(conn: Connection, delivery_id: int) -> Webhook | None:
    row = conn.execute(_query("lock_webhook_of"), {"delivery_id": delivery_id}).fetchone()
    if row is None:
        return None
    [webhook] = read_webhooks(conn, "webhook_id = %(webhook_id)s", webhook_id=row[0])
    return webhook


def _due(conn: Connection, condition: sql.SQL, *, places: int, now: datetime, **values: object) -> list[int]:
    """Up to so many deliveries of each webhook, less those that are leased; they count as announced from now on."""
    times = {"now": now, "announced_before": now - ANNOUNCE_AGAIN_AFTER, "places": places}
    return [delivery_id for (delivery_id,) in conn.execute(_query("due", condition=condition), times | values)]


def _record(conn: Connection, delivery_id: int, attempt: Attempt, after: AfterAttempt) -> None:
    conn.execute(
        _query("add_attempt"),
        {
            "delivery_id": delivery_id,
            "at": attempt.at,
            "url": attempt.url,
            "duration_ms": attempt.duration_ms,
            "status": attempt.status,
            "error": attempt.error,
            "answer": storable(attempt.answer),
        },
    )
    values = {"delivery_id": delivery_id, "state": after.state.value, "next_attempt_at": after.next_attempt_at}
    conn.execute(_query("finish"), values)


def _set_health(conn: Connection, webhook: Webhook, after: AfterAttempt) -> None:
    conn.execute(
        _query("set_health"),
        {
            "webhook_id": UUID(webhook.webhook_id),
            "failures": after.health.failures,
            "failing_since": after.health.failing_since,
            "paused_until": after.health.paused_until,
        },
    )


def _record_disabled(
    conn: Connection, webhook: Webhook, delivery: Delivery, reason: DisabledReason, now: datetime
) -> None:
    assert delivery.event is not None, "a test disables nothing"
    album = delivery.event.event.album
    record_events(conn, use_album(conn, album), [disabled_event(webhook, reason, album, now)])


def _delivery(conn: Connection, delivery_id: int) -> Delivery:
    [(delivery, _)] = read_deliveries(conn, _THE_DELIVERY, limit=1, delivery_id=delivery_id)
    return delivery
