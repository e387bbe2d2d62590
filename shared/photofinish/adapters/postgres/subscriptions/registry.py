"""Subscriptions in Postgres; statements in `sql/subscriptions.sql`."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.events.log import watermark
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.spaces import use_space
from photofinish.adapters.postgres.sql import Statements
from photofinish.adapters.postgres.subscriptions.ending import end_subscriptions
from photofinish.domain.photo import is_album_name
from photofinish.domain.subscription import (
    CONFIRM_WITHIN,
    MAX_CONFIRMATIONS_A_DAY,
    Channel,
    EndReason,
    Language,
    NewSubscription,
    Subscription,
    created_event,
)
from photofinish.errors import Conflict
from photofinish.ports import SubscriptionCount, UnknownSubscription

_query = Statements("subscriptions")
_ONE = sql.SQL("subscription_id = %(subscription_id)s")
_OF_ALBUM = sql.SQL("album_id = %(album_id)s AND subscription_id = ANY (%(ids)s)")
_OF_OWNER = sql.SQL(
    "album_id = %(album_id)s AND owner = %(owner)s AND (%(after)s::uuid IS NULL OR subscription_id > %(after)s::uuid)"
)
_DAY = timedelta(days=1)


class PgSubscriptions:
    """:class:`photofinish.ports.Subscriptions`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewSubscription, *, now: datetime) -> Subscription:
        with self._database.transaction() as conn:
            album_id = use_album(conn, new.album)
            key = {"album_id": album_id, "owner": new.owner, "contact_hash": new.contact_hash}
            conn.execute(_query("lock_owner"), key)
            known = conn.execute(_query("known"), key).fetchone()
            subscription_id, confirmed_at, last_sent_at, number = known or (uuid.uuid4(), None, None, 1)
            if known is None:
                _check_limit(conn, new, key)
            asks = new.contact.channel is Channel.EMAIL and confirmed_at is None
            if asks:
                _note_confirmation(conn, new, now)
            conn.execute(_query("end"), {"subscription_ids": [subscription_id]})
            destination = {"destination": new.contact.destination, "channel": new.contact.channel.value}
            conn.execute(_query("use_destination"), destination)
            values = _values(new) | destination | key | {"subscription_id": subscription_id, "now": now}
            values |= {
                "since": watermark(conn),
                "confirmed_at": confirmed_at if asks or confirmed_at is not None else now,
                "due_at": now if asks else None,
                "last_sent_at": last_sent_at,
                "message_number": number + 1 if known else number,
            }
            conn.execute(_query("add"), values)
            conn.execute(_query("add_contact"), values)
            _add_faces(conn, subscription_id, new)
            [made] = _read(conn, _ONE, subscription_id=subscription_id)
            record_events(conn, album_id, [created_event(made)])
            return made

    def get(self, album: str, subscription_id: str) -> Subscription:
        with self._database.transaction() as conn:
            found = _read(conn, _ONE, subscription_id=as_uuid(subscription_id))
        if not found or found[0].album != album:
            raise UnknownSubscription("This album has no such subscription.")
        return found[0]

    def of_owner(self, album: str, owner: str, *, limit: int, after: str | None = None) -> list[Subscription]:
        with self._database.transaction() as conn:
            values = {
                "album_id": _find(conn, album),
                "owner": owner,
                "after": None if after is None else as_uuid(after),
            }
            return _read(conn, _OF_OWNER, limit=limit, **values)

    def counts(self, album: str) -> list[SubscriptionCount]:
        with self._database.transaction() as conn:
            return [
                SubscriptionCount(channel=Channel(channel), is_confirmed=is_confirmed, subscriptions=count)
                for channel, is_confirmed, count in conn.execute(_query("counts"), {"album_id": _find(conn, album)})
            ]

    def about(self, album: str, person_id: str) -> list[Subscription]:
        with self._database.transaction() as conn:
            album_id = _find(conn, album)
            if album_id is None:
                return []
            values = {"album_id": album_id, "person_id": as_uuid(person_id)}
            ids = [one for (one,) in conn.execute(_query("about"), values)]
            return _read(conn, _OF_ALBUM, album_id=album_id, ids=ids)

    def find(self, subscription_id: str) -> Subscription | None:
        with self._database.transaction() as conn:
            return next(iter(_read(conn, _ONE, subscription_id=as_uuid(subscription_id))), None)

    def confirm(self, subscription_id: str, *, now: datetime) -> Subscription | None:
        one = as_uuid(subscription_id)
        with self._database.transaction() as conn:
            conn.execute(_query("confirm"), {"subscription_id": one, "now": now})
            return next(iter(_read(conn, _ONE, subscription_id=one)), None)

    def end(self, subscription_id: str, reason: EndReason, *, now: datetime) -> bool:
        with self._database.transaction() as conn:
            return end_subscriptions(conn, [as_uuid(subscription_id)], reason, now) == 1

    def expire(self, now: datetime) -> int:
        with self._database.transaction() as conn:
            conn.execute(_query("forget_confirmations"), {"before": now - _DAY})
            over = conn.execute(_query("over"), {"now": now, "asked_before": now - CONFIRM_WITHIN}).fetchall()
            reasons: dict[EndReason, list[UUID]] = {EndReason.EXPIRED: [], EndReason.NOT_CONFIRMED: []}
            for subscription_id, is_over in over:
                reasons[EndReason.EXPIRED if is_over else EndReason.NOT_CONFIRMED].append(subscription_id)
            return sum(end_subscriptions(conn, ids, reason, now) for reason, ids in reasons.items() if ids)


def _check_limit(conn: Connection, new: NewSubscription, key: dict[str, Any]) -> None:
    [count] = conn.execute(_query("count_of_owner"), key).fetchone() or (0,)
    if count >= new.max_of_owner:
        raise Conflict(
            "subscription_limit", f"There are {new.max_of_owner} subscriptions here already: end one of them first."
        )


def _note_confirmation(conn: Connection, new: NewSubscription, now: datetime) -> None:
    values = {"contact_hash": new.contact_hash, "after": now - _DAY, "now": now}
    [count] = conn.execute(_query("count_confirmations"), values).fetchone() or (0,)
    if count >= MAX_CONFIRMATIONS_A_DAY:
        raise Conflict(
            "subscription_limit",
            f"This address was asked {MAX_CONFIRMATIONS_A_DAY} times today to confirm: use the link in one of the "
            "messages, or try again tomorrow.",
        )
    conn.execute(_query("note_confirmation"), values)


def _add_faces(conn: Connection, subscription_id: UUID, new: NewSubscription) -> None:
    for face in new.faces:
        space = use_space(conn, face.space, face.vector.size)
        face.check_dimension(space.dimension)
        values = {
            "subscription_id": subscription_id,
            "space_id": space.space_id,
            "min_similarity": new.min_similarity,
            "embedding": HalfVector(face.vector).to_text(),
        }
        conn.execute(_query("add_template"), values)


def _values(new: NewSubscription) -> dict[str, Any]:
    return {
        "language": new.language.value,
        "bib": new.bib,
        "person_id": None if new.person_id is None else as_uuid(new.person_id),
        "selfies": new.selfies,
        "text_version": new.text_version,
        "key_id": new.key_id,
        "ends_at": new.ends_at,
        "address": new.contact.address,
    }


def _read(conn: Connection, condition: sql.SQL, *, limit: int | None = None, **values: Any) -> list[Subscription]:
    rows = conn.execute(_query("subscriptions", condition=condition), values | {"limit": limit})
    return [_subscription(row) for row in rows]


def _subscription(row: TupleRow) -> Subscription:
    subscription_id, album, owner, channel, language, bib, person_id, selfies, text_version, *times = row
    created_at, confirmed_at, ends_at = times
    return Subscription(
        subscription_id=str(subscription_id),
        album=album,
        owner=owner,
        channel=Channel(channel),
        language=Language(language),
        bib=bib,
        person_id=None if person_id is None else str(person_id),
        selfies=selfies,
        text_version=text_version,
        created_at=created_at,
        confirmed_at=confirmed_at,
        ends_at=ends_at,
    )


def _find(conn: Connection, album: str) -> int | None:
    return find_album(conn, album) if is_album_name(album) else None
