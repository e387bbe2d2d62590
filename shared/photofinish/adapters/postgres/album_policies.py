"""Albums' policies in Postgres; statements in `sql/album_policies.sql`."""

from __future__ import annotations

from datetime import date, datetime

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.album_policy import AlbumPolicy, Indexing, LegalBasis, Redact, RedactionStyle
from photofinish.domain.photo import is_album_name
from photofinish.errors import RejectedInput

_query = Statements("album_policies")


class PgAlbumPolicies:
    """:class:`photofinish.ports.AlbumPolicies`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def policy(self, album: str) -> AlbumPolicy:
        if not is_album_name(album):
            return AlbumPolicy()
        with self._database.transaction() as conn:
            row = conn.execute(_query("policy"), {"album": album}).fetchone()
        return AlbumPolicy() if row is None else _policy(*row)

    def policies(self) -> dict[str, AlbumPolicy]:
        with self._database.transaction() as conn:
            return {album: _policy(*row) for album, *row in conn.execute(_query("policies"))}

    def ever_redacted(self, album: str) -> bool:
        if not is_album_name(album):
            return False
        with self._database.transaction() as conn:
            row = conn.execute(_query("ever_redacted"), {"album": album}).fetchone()
        return row is not None and bool(row[0])

    def links_to_end(self) -> dict[str, datetime]:
        with self._database.transaction() as conn:
            return dict(conn.execute(_query("links_to_end")).fetchall())

    def links_ended(self, album: str) -> None:
        with self._database.transaction() as conn:
            conn.execute(_query("links_ended"), {"album": album})

    def set_policy(self, album: str, policy: AlbumPolicy) -> None:
        if not is_album_name(album):
            raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
        with self._database.transaction() as conn:
            album_id = use_album(conn, album)
            row = conn.execute(
                _query("set_policy"),
                {
                    "album_id": album_id,
                    "legal_basis": policy.legal_basis,
                    "indexing": policy.indexing,
                    "redact": policy.redact,
                    "redaction_style": policy.redaction_style,
                    "keep_originals": policy.keep_originals,
                    "purpose": policy.purpose,
                    "ends_on": policy.ends_on,
                },
            ).fetchone()
            if row is not None:
                [changed_at] = row
                event = AlbumEvent(
                    id=fact_id(EventType.ALBUM_POLICY_CHANGED, album_id, changed_at.isoformat()),
                    type=EventType.ALBUM_POLICY_CHANGED,
                    album=album,
                    occurred_at=changed_at,
                )
                record_events(conn, album_id, [event])


def _policy(
    legal_basis: str,
    indexing: str,
    redact: str,
    redaction_style: str,
    keep_originals: bool,
    purpose: str,
    ends_on: date | None,
) -> AlbumPolicy:
    return AlbumPolicy(
        legal_basis=LegalBasis(legal_basis),
        indexing=Indexing(indexing),
        redact=Redact(redact),
        redaction_style=RedactionStyle(redaction_style),
        keep_originals=keep_originals,
        purpose=purpose,
        ends_on=ends_on,
    )
