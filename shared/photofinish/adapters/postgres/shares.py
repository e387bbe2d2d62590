"""Share links, sessions, albums' cards and feedback in Postgres; statements in `sql/shares.sql`.

All methods raise what :meth:`Database.transaction` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.access import Scope
from photofinish.domain.album_card import AlbumCard, Downloads
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.photo import is_album_name
from photofinish.domain.sessions import Session
from photofinish.domain.shares import PinHash, Share, ShareMay
from photofinish.errors import RejectedInput
from photofinish.ports import FaceFeedback

_query = Statements("shares")


class PgAlbumCards:
    """:class:`photofinish.ports.AlbumCards`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def card(self, album: str) -> AlbumCard | None:
        return self.cards([album]).get(album)

    def cards(self, albums: Sequence[str]) -> dict[str, AlbumCard]:
        names = [album for album in albums if is_album_name(album)]
        if not names:
            return {}
        with self._database.transaction() as conn:
            rows = conn.execute(_query("cards"), {"albums": names}).fetchall()
        return {
            album: AlbumCard(title=title, held_on=held_on, watermark=watermark, downloads=Downloads(downloads))
            for album, title, held_on, watermark, downloads in rows
        }

    def set_card(self, album: str, card: AlbumCard) -> None:
        _check_name(album)
        with self._database.transaction() as conn:
            album_id = use_album(conn, album)
            values = {
                "album_id": album_id,
                "title": card.title,
                "held_on": card.held_on,
                "watermark": card.watermark,
                "downloads": card.downloads,
            }
            row = conn.execute(_query("set_card"), values).fetchone()
            if row is not None:
                _record(conn, album, album_id, EventType.ALBUM_CHANGED, row[0], row[0].isoformat())


class PgShares:
    """:class:`photofinish.ports.Shares`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, share: Share, token_sha256: bytes) -> None:
        _check_name(share.album)
        with self._database.transaction() as conn:
            album_id = use_album(conn, share.album)
            values = {
                "share_id": UUID(share.share_id),
                "album_id": album_id,
                "token_sha256": token_sha256,
                "label": share.label,
                "may": share.may,
                "downloads": share.downloads,
                "pin": None if share.pin is None else share.pin.stored,
                "expires_at": share.expires_at,
                "created_at": share.created_at,
            }
            conn.execute(_query("add_share"), values)
            data = {"share_id": share.share_id, "may": share.may.value}
            _record(conn, share.album, album_id, EventType.SHARE_CREATED, share.created_at, share.share_id, **data)

    def with_token(self, token_sha256: bytes) -> Share | None:
        return next(iter(self._shares("token_sha256 = %(token)s", token=token_sha256)), None)

    def get(self, share_id: str) -> Share | None:
        return next(iter(self._shares("share_id = %(share_id)s", share_id=as_uuid(share_id))), None)

    def of_album(self, album: str) -> list[Share]:
        return self._shares("album.name = %(album)s", album=album) if is_album_name(album) else []

    def revoke(self, album: str, share_id: str) -> bool:
        if not is_album_name(album):
            return False
        with self._database.transaction() as conn:
            album_id = find_album(conn, album)
            values = {"album_id": album_id, "share_id": as_uuid(share_id)}
            row = None if album_id is None else conn.execute(_query("revoke"), values).fetchone()
            if album_id is None or row is None:
                return False
            revoked_at, is_new = row
            if is_new:
                data = {"share_id": share_id}
                _record(conn, album, album_id, EventType.SHARE_REVOKED, revoked_at, share_id, **data)
        return True

    def is_open(self, share_id: str, at: datetime) -> bool:
        with self._database.autocommit() as conn:
            values = {"share_id": as_uuid(share_id), "at": at}
            return conn.execute(_query("is_open"), values).fetchone() is not None

    def expire(self, before: datetime) -> int:
        with self._database.autocommit() as conn:
            return conn.execute(_query("expire_shares"), {"before": before}).rowcount

    def _shares(self, condition: str, **values: Any) -> list[Share]:
        with self._database.autocommit() as conn:
            rows = conn.execute(_query("shares", condition=sql.SQL(condition)), values).fetchall()
        return [_share(row) for row in rows]


class PgSessions:
    """:class:`photofinish.ports.Sessions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, token_sha256: bytes, session: Session) -> None:
        values = {
            "token_sha256": token_sha256,
            "kind": session.kind,
            "principal_id": session.principal_id,
            "share_id": UUID(session.principal_id) if session.kind == "share" else None,
            "scope": session.scope,
            "granted_albums": None if session.albums is None else sorted(session.albums),
            "is_anonymous": session.is_anonymous,
            "expires_at": session.expires_at,
        }
        with self._database.autocommit() as conn:
            conn.execute(_query("start_session"), values)

    def find(self, token_sha256: bytes, at: datetime) -> Session | None:
        with self._database.autocommit() as conn:
            row = conn.execute(_query("find_session"), {"token_sha256": token_sha256, "at": at}).fetchone()
        if row is None:
            return None
        kind, principal_id, scope, albums, is_anonymous, expires_at = row
        return Session(
            kind=kind,
            principal_id=principal_id,
            expires_at=expires_at,
            scope=None if scope is None else Scope(scope),
            albums=None if albums is None else frozenset(albums),
            is_anonymous=is_anonymous,
        )

    def end(self, token_sha256: bytes) -> None:
        with self._database.autocommit() as conn:
            conn.execute(_query("end_session"), {"token_sha256": token_sha256})

    def expire(self, at: datetime) -> int:
        with self._database.autocommit() as conn:
            return conn.execute(_query("expire_sessions"), {"at": at}).rowcount


class PgFindMeFeedback:
    """:class:`photofinish.ports.FindMeFeedback`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, album: str, photo_id: str, face_id: str, *, caller: bytes, is_me: bool) -> bool:
        if not is_album_name(album):
            return False
        with self._database.transaction() as conn:
            values = {
                "album_id": find_album(conn, album),
                "photo_id": as_uuid(photo_id),
                "face_id": as_uuid(face_id),
                "caller": caller,
                "is_me": is_me,
            }
            return conn.execute(_query("give_feedback"), values).fetchone() is not None

    def of_album(self, album: str, *, limit: int, after: tuple[datetime, str] | None) -> list[FaceFeedback]:
        if not is_album_name(album):
            return []
        before, face = after if after is not None else (None, "")
        with self._database.transaction() as conn:
            values = {
                "album_id": find_album(conn, album),
                "before": before,
                "before_face": as_uuid(face),
                "limit": limit,
            }
            rows = conn.execute(_query("feedback"), values).fetchall()
        return [
            FaceFeedback(photo_id=photo_id.hex, face_id=str(face_id), yes=yes, no=no, last_at=last_at.astimezone(UTC))
            for photo_id, face_id, yes, no, last_at in rows
        ]


def _check_name(album: str) -> None:
    if not is_album_name(album):
        raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")


def _record(
    conn: Connection, album: str, album_id: int, event_type: EventType, at: datetime, key: str, **data: Any
) -> None:
    event = AlbumEvent(id=fact_id(event_type, album_id, key), type=event_type, album=album, occurred_at=at, data=data)
    record_events(conn, album_id, [event])


def _share(row: TupleRow) -> Share:
    share_id, album, label, may, downloads, pin, expires_at, created_at, revoked_at = row
    return Share(
        share_id=str(share_id),
        album=album,
        label=label,
        may=ShareMay(may),
        downloads=Downloads(downloads),
        pin=None if pin is None else PinHash.from_stored(pin),
        expires_at=expires_at,
        created_at=created_at,
        revoked_at=revoked_at,
    )
