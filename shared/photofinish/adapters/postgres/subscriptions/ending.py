"""End subscriptions inside a transaction; statements in `sql/subscriptions.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent
from photofinish.domain.subscription import Channel, EndReason, ended_event

_query = Statements("subscriptions")


def end_subscriptions(conn: Connection, ids: Iterable[UUID], reason: EndReason, now: datetime) -> int:
    """End those that are still there, and record it; return how many. Call it last, as `record_events`."""
    ended = conn.execute(_query("end"), {"subscription_ids": sorted(ids)}).fetchall()
    by_album: dict[int, list[AlbumEvent]] = defaultdict(list)
    for subscription_id, album_id, album, channel in ended:
        by_album[album_id].append(ended_event(str(subscription_id), album, Channel(channel), reason, now))
    for album_id, events in sorted(by_album.items()):
        record_events(conn, album_id, events)
    return len(ended)


def end_suppressed(conn: Connection, opt_out_id: UUID) -> None:
    """End the subscriptions by the face of a person who opted out just now."""
    ids = [one for (one,) in conn.execute(_query("suppressed"), {"opt_out_id": opt_out_id})]
    if ids:
        end_subscriptions(conn, ids, EndReason.OPTED_OUT, datetime.now(UTC))


def forget_about(conn: Connection, album_id: int, person_id: UUID) -> int:
    """Remove the subscriptions about a person who is erased; call it before their faces are removed."""
    ids = {one for (one,) in conn.execute(_query("about"), {"album_id": album_id, "person_id": person_id})}
    return conn.execute(_query("end"), {"subscription_ids": sorted(ids)}).rowcount if ids else 0
