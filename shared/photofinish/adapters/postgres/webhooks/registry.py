"""Webhooks in Postgres; statements in `sql/webhooks.sql`."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.adapters.postgres.webhooks.rows import filter_as_json, read_webhooks
from photofinish.domain.album_event import EventFilter
from photofinish.domain.photo import is_album_name
from photofinish.domain.webhook import MAX_PER_ALBUM, MAX_SECRETS, DisabledReason, SignatureScheme, Webhook
from photofinish.errors import Conflict
from photofinish.ports import UnknownWebhook, WebhookChange

_query = Statements("webhooks")


class PgWebhooks:
    """:class:`photofinish.ports.Webhooks`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        album: str | None,
        url: str,
        wanted: EventFilter,
        *,
        description: str,
        key_id: str,
        signature: SignatureScheme = SignatureScheme.V1,
    ) -> Webhook:
        with self._database.transaction() as conn:
            album_id = None if album is None else use_album(conn, album)
            conn.execute(_query("lock_album"), {"album_id": album_id})
            [count] = conn.execute(_query("count"), {"album_id": album_id}).fetchone() or (0,)
            if count >= MAX_PER_ALBUM:
                raise Conflict("too_many_webhooks", f"There are {MAX_PER_ALBUM} webhooks already: remove one first.")
            values = {"album_id": album_id, "url": url, "wanted": Jsonb(filter_as_json(wanted))}
            row = conn.execute(
                _query("add"), values | {"description": description, "signature": signature.value}
            ).fetchone()
            assert row is not None, "the statement returns the new row"
            conn.execute(_query("add_secret"), {"webhook_id": row[0], "key_id": key_id})
            return _get(conn, row[0])

    def all_of(self, album: str | None) -> list[Webhook]:
        with self._database.transaction() as conn:
            if album is None:
                return read_webhooks(conn, "album_id IS NULL")
            if not is_album_name(album):
                return []
            return read_webhooks(conn, "album_id = %(album_id)s", album_id=find_album(conn, album))

    def enabled(self) -> list[Webhook]:
        with self._database.transaction() as conn:
            return read_webhooks(conn, "disabled IS NULL")

    def get(self, album: str | None, webhook_id: str) -> Webhook:
        with self._database.transaction() as conn:
            return _find(conn, album, webhook_id)

    def change(self, album: str | None, webhook_id: str, change: WebhookChange) -> Webhook:
        with self._database.transaction() as conn:
            found = UUID(_lock(conn, album, webhook_id).webhook_id)
            wanted = None if change.wanted is None else Jsonb(filter_as_json(change.wanted))
            values = {"url": change.url, "wanted": wanted, "description": change.description}
            conn.execute(_query("change"), values | {"webhook_id": found})
            if change.enabled is True:
                conn.execute(_query("enable"), {"webhook_id": found})
            elif change.enabled is False:
                disable(conn, found, DisabledReason.REQUESTED, datetime.now(UTC))
            return _get(conn, found)

    def remove(self, album: str | None, webhook_id: str) -> None:
        with self._database.transaction() as conn:
            found = _lock(conn, album, webhook_id)
            conn.execute(_query("remove"), {"webhook_id": UUID(found.webhook_id)})

    def add_secret(self, album: str | None, webhook_id: str, key_id: str) -> Webhook:
        with self._database.transaction() as conn:
            found = _lock(conn, album, webhook_id)
            if len(found.secrets) >= MAX_SECRETS:
                raise Conflict(
                    "too_many_secrets", f"The webhook has {MAX_SECRETS} secrets already: remove the old one first."
                )
            conn.execute(_query("add_secret"), {"webhook_id": UUID(found.webhook_id), "key_id": key_id})
            return _get(conn, UUID(found.webhook_id))

    def remove_secret(self, album: str | None, webhook_id: str, secret_id: str) -> Webhook:
        with self._database.transaction() as conn:
            found = _lock(conn, album, webhook_id)
            if secret_id not in {version.secret_id for version in found.secrets}:
                raise UnknownWebhook("This webhook has no such secret.")
            if len(found.secrets) == 1:
                raise Conflict("last_secret", "Messages must be signed: add a new secret before you remove this one.")
            values = {"webhook_id": UUID(found.webhook_id), "secret_id": UUID(secret_id)}
            conn.execute(_query("remove_secret"), values)
            return _get(conn, UUID(found.webhook_id))


def disable(conn: Connection, webhook_id: UUID, reason: DisabledReason, at: datetime) -> bool:
    """Disable a webhook; return whether it was enabled."""
    values = {"webhook_id": webhook_id, "reason": reason.value, "at": at}
    return conn.execute(_query("disable"), values).rowcount == 1


def _lock(conn: Connection, album: str | None, webhook_id: str) -> Webhook:
    """Lock a webhook, then read it, so that what is read does not change until the transaction ends."""
    conn.execute(_query("lock"), {"webhook_id": as_uuid(webhook_id)})
    return _find(conn, album, webhook_id)


def _find(conn: Connection, album: str | None, webhook_id: str) -> Webhook:
    found = read_webhooks(conn, "webhook_id = %(webhook_id)s", webhook_id=as_uuid(webhook_id))
    if not found or found[0].album != album:
        raise UnknownWebhook("There is no such webhook here.")
    return found[0]


def _get(conn: Connection, webhook_id: UUID) -> Webhook:
    [webhook] = read_webhooks(conn, "webhook_id = %(webhook_id)s", webhook_id=webhook_id)
    return webhook
