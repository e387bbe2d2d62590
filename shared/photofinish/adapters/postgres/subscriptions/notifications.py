"""What is to be told to subscribers, in Postgres; statements in `sql/subscriptions.sql`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.events.log import watermark
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.adapters.postgres.subscriptions.ending import end_subscriptions
from photofinish.domain.subscription import (
    MAX_PHOTOS_A_MESSAGE,
    Channel,
    Contact,
    Language,
    Outcome,
    after_message,
    message_due_at,
    places,
)
from photofinish.domain.webhook import ANNOUNCE_AGAIN_AFTER, HEALTHY, LEASE, Health, failed_again
from photofinish.ports import NotificationClaim, Sent

_query = Statements("subscriptions")
_PAGE = 1000
_ANY = sql.SQL("true")
_ONE_DESTINATION = sql.SQL("destination.destination = %(destination)s")


class PgNotifications:
    """:class:`photofinish.ports.Notifications`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def match(self, now: datetime) -> bool:
        with self._database.transaction() as conn:
            [position] = conn.execute(_query("position")).fetchone() or (0,)
            until = watermark(conn)
            if until <= position:
                return False
            [has_any] = conn.execute(_query("has_any"), {"now": now}).fetchone() or (False,)
            to = min(until, position + _PAGE) if has_any else until
            if conn.execute(_query("advance"), {"after": position, "to": to}).rowcount == 0:
                return True  # another process matches the same events
            if has_any:
                _set_due(conn, conn.execute(_query("match"), {"after": position, "to": to}), now)
            return bool(to < until)

    def match_people(self, now: datetime) -> None:
        with self._database.transaction() as conn:
            _set_due(conn, conn.execute(_query("match_people")), now)

    def due(self, now: datetime) -> list[str]:
        with self._database.transaction() as conn:
            return _due(conn, _ANY, now=now)

    def claim(self, subscription_id: str, *, now: datetime) -> NotificationClaim | None:
        one = {"subscription_id": as_uuid(subscription_id), "now": now}
        with self._database.transaction() as conn:
            found = conn.execute(_query("lock_destination"), one).fetchone()
            row = conn.execute(_query("lock"), one).fetchone()
            if found is None or row is None:
                return None
            album, channel, language, key_id, number, _, is_confirmed, is_due, address, _ = row
            if not is_due:
                return None
            destination, health = found[0], _health(found)
            free = places(Channel(channel), health, now)
            values = one | {"destination": destination, "places": free, "until": now + LEASE}
            if conn.execute(_query("lease"), values).rowcount == 0:
                conn.execute(_query("wait"), one)
                return None
            photos = _photos(conn, one | {"number": number}) if is_confirmed else ()
            if is_confirmed and not photos:
                conn.execute(_query("nothing_due"), one)
                return None
            return NotificationClaim(
                subscription_id=subscription_id,
                album=album,
                contact=Contact(channel=Channel(channel), address=address, destination=destination),
                language=Language(language),
                number=number,
                key_id=key_id,
                photo_ids=photos,
            )

    def finish(self, claim: NotificationClaim, outcome: Outcome, *, now: datetime, chance: float) -> Sent:
        one = {"subscription_id": as_uuid(claim.subscription_id), "now": now}
        ended = None
        with self._database.transaction() as conn:
            found = conn.execute(_query("lock_destination"), one).fetchone()
            row = conn.execute(_query("lock"), one).fetchone()
            if found is None or row is None:  # it ended meanwhile
                return Sent((), None)
            number, attempts = row[4], row[5]
            health = failed_again(_health(found), now, now) if outcome is Outcome.FAILED else HEALTHY
            if health != _health(found):
                _set_health(conn, found[0], health)
            if number == claim.number:  # not replaced or confirmed meanwhile
                [has_more] = conn.execute(_query("has_untold"), one).fetchone() or (False,)
                after = after_message(
                    outcome,
                    attempts=attempts,
                    has_more=has_more and not claim.asks_to_confirm,
                    now=now,
                    chance=chance,
                )
                told = int(after.is_told)
                conn.execute(_query("finish"), one | {"attempts": after.attempts, "due_at": after.due_at, "told": told})
                ended = after.ended
            due: list[str] = []
            if places(claim.contact.channel, health, now) > 0:
                due = _due(conn, _ONE_DESTINATION, now=now, destination=found[0])
            if ended is not None:
                end_subscriptions(conn, [as_uuid(claim.subscription_id)], ended, now)
            return Sent(tuple(due), ended)


def _set_due(conn: Connection, matched: Iterable[tuple[Any, ...]], now: datetime) -> None:
    ids = sorted({subscription_id for (subscription_id,) in matched})
    if not ids:
        return
    untold: list[tuple[UUID, datetime | None]] = [
        (subscription_id, last_sent_at)
        for subscription_id, last_sent_at in conn.execute(_query("lock_untold"), {"subscription_ids": ids})
    ]
    values = {
        "subscription_ids": [subscription_id for subscription_id, _ in untold],
        "due_at": [message_due_at(last_sent_at, now) for _, last_sent_at in untold],
    }
    conn.execute(_query("set_due"), values)


def _due(conn: Connection, condition: sql.SQL, *, now: datetime, **values: object) -> list[str]:
    """They count as announced from now on."""
    given = {"now": now, "announced_before": now - ANNOUNCE_AGAIN_AFTER} | values
    given |= {channel.value: places(channel, HEALTHY, now) for channel in Channel}
    return [str(subscription_id) for (subscription_id,) in conn.execute(_query("due", condition=condition), given)]


def _photos(conn: Connection, message: dict[str, Any]) -> tuple[str, ...]:
    """Those of the message; at the first attempt, those that are not told yet."""
    found = conn.execute(_query("photos"), message).fetchall()
    if not found:
        conn.execute(_query("take_photos"), message | {"limit": MAX_PHOTOS_A_MESSAGE})
        found = conn.execute(_query("photos"), message).fetchall()
    return tuple(photo_id.hex for (photo_id,) in found)


def _health(row: tuple[Any, ...]) -> Health:
    _, _, failures, failing_since, paused_until = row
    return Health(failures=failures, failing_since=failing_since, paused_until=paused_until)


def _set_health(conn: Connection, destination: str, health: Health) -> None:
    values = {
        "destination": destination,
        "failures": health.failures,
        "failing_since": health.failing_since,
        "paused_until": health.paused_until,
    }
    conn.execute(_query("set_health"), values)
