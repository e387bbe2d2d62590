"""Rows of webhooks and deliveries as types of the domain; statements in `sql/webhooks.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.events.log import event_of_row
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import EventFilter, EventType
from photofinish.domain.webhook import (
    Delivery,
    DeliveryState,
    DisabledReason,
    Health,
    SecretVersion,
    SignatureScheme,
    Webhook,
)

_query = Statements("webhooks")
# The columns of a delivery in the statement `deliveries`, before those of its event.
_DELIVERY_COLUMNS = 8


def read_webhooks(conn: Connection, condition: LiteralString, **values: Any) -> list[Webhook]:
    """Return the webhooks for which `condition`, a literal of the caller, is true; oldest first."""
    rows = conn.execute(_query("webhooks", condition=sql.SQL(condition)), values)
    return [_webhook(row) for row in rows]


def read_deliveries(conn: Connection, condition: sql.SQL, *, limit: int, **values: Any) -> list[tuple[Delivery, bool]]:
    """Return deliveries, newest first, each with whether its event was removed from the log."""
    rows = conn.execute(_query("deliveries", condition=condition), values | {"limit": limit})
    return [_delivery(row) for row in rows]


def filter_as_json(wanted: EventFilter) -> dict[str, Any]:
    fields = {name: value for name, value in asdict(wanted).items() if value is not None}
    if wanted.types is not None:
        fields["types"] = sorted(wanted.types)
    return fields


def _filter_of_json(fields: Mapping[str, Any]) -> EventFilter:
    types = fields.get("types")
    return EventFilter(**dict(fields) | {"types": None if types is None else frozenset(map(EventType, types))})


def _webhook(row: TupleRow) -> Webhook:
    webhook_id, album, url, wanted, description, *times_and_state, signature, secrets = row
    created_at, since, disabled, disabled_at, failures, failing_since, paused_until = times_and_state
    return Webhook(
        webhook_id=str(webhook_id),
        album=album,
        url=url,
        wanted=_filter_of_json(wanted),
        description=description,
        signature=SignatureScheme(signature),
        secrets=tuple(
            SecretVersion(secret_id=secret_id, key_id=key_id, created_at=datetime.fromisoformat(created))
            for secret_id, key_id, created in secrets or ()
        ),
        created_at=created_at,
        since=since,
        disabled=None if disabled is None else DisabledReason(disabled),
        disabled_at=disabled_at,
        health=Health(failures=failures, failing_since=failing_since, paused_until=paused_until),
    )


def _delivery(row: TupleRow) -> tuple[Delivery, bool]:
    delivery_id, webhook_id, created_at, started_at, state, attempts, next_attempt_at, wanted = row[:_DELIVERY_COLUMNS]
    position, *_ = event = row[_DELIVERY_COLUMNS:]
    delivery = Delivery(
        delivery_id=delivery_id,
        webhook_id=str(webhook_id),
        event=None if position is None else event_of_row(event),
        created_at=created_at,
        started_at=started_at,
        state=DeliveryState(state),
        attempts=attempts,
        next_attempt_at=next_attempt_at,
    )
    return delivery, wanted is not None and position is None
