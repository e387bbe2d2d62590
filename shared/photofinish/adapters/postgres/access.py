"""API keys, rate limits, used signatures and the audit in Postgres; statements in `sql/access.sql`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import class_row, dict_row

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.access import AlbumAccess, ApiKey, AuditEntry, AuditFilter, RateLimit, Scope
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.audit_chain import StoredEntry
from photofinish.ports import ALIKE_WITHIN_S, Expired

_query = Statements("access")

KEY_USE_RECORDED_EVERY = timedelta(hours=1)
_AUDIT_PAGE = 1000


class PgAccessStore:
    """:class:`photofinish.ports.AccessStore` in a migrated Postgres database; safe to share between threads.

    All methods raise what :meth:`Database.transaction` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_key(self, key: ApiKey) -> bool:
        values = {
            "key_id": key.key_id,
            "secret_sha256": key.secret_sha256,
            "label": key.label,
            "scope": key.scope.value,
            "albums": None if key.albums is None else sorted(key.albums),
            "rate_per_s": None if key.rate is None else key.rate.per_second,
            "burst": None if key.rate is None else key.rate.burst,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "may_use_vectors": key.may_use_vectors,
        }
        with self._database.autocommit() as conn:
            return conn.execute(_query("add_key"), values).fetchone() is not None

    def find_key(self, key_id: str) -> ApiKey | None:
        with self._database.autocommit() as conn, conn.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_query("find_key"), {"key_id": key_id}).fetchone()
        return None if row is None else _api_key(row)

    def list_keys(self) -> list[ApiKey]:
        with self._database.autocommit() as conn, conn.cursor(row_factory=dict_row) as cursor:
            return [_api_key(row) for row in cursor.execute(_query("list_keys"))]

    def revoke_key(self, key_id: str) -> bool:
        with self._database.autocommit() as conn:
            return conn.execute(_query("revoke_key"), {"key_id": key_id}).fetchone() is not None

    def touch_key(self, key_id: str, at: datetime) -> None:
        with self._database.autocommit() as conn:
            conn.execute(_query("touch_key"), {"key_id": key_id, "at": at, "not_within": KEY_USE_RECORDED_EVERY})

    def take(self, bucket: str, limit: RateLimit, *, cost: int = 1) -> float:
        return self.take_and_read(bucket, limit, (), cost=cost)[0]

    def take_and_read(
        self, bucket: str, limit: RateLimit, budgets: Sequence[str], *, cost: int = 1
    ) -> tuple[float, list[float]]:
        emission_s = 1 / limit.per_second
        values = {
            "bucket": bucket,
            "cost_s": min(cost, limit.burst) * emission_s,
            "burst_s": limit.burst * emission_s,
            "budgets": list(budgets),
        }
        with self._database.autocommit() as conn:
            row = conn.execute(_query("take"), values).fetchone()
        assert row is not None, "a SELECT without FROM returns one row"
        wait_s, used_s = row
        return wait_s, used_s

    def charge(self, bucket: str, cost_s: float, *, budget_s: float) -> float:
        values = {"bucket": bucket, "cost_s": cost_s, "budget_s": budget_s}
        with self._database.autocommit() as conn:
            row = conn.execute(_query("charge"), values).fetchone()
        assert row is not None, "an upsert returns its row"
        return float(row[0])

    def used_s(self, buckets: Sequence[str]) -> list[float]:
        with self._database.autocommit() as conn:
            used = dict(conn.execute(_query("used_s"), {"buckets": list(buckets)}).fetchall())
        return [used.get(bucket, 0.0) for bucket in buckets]

    def count_queries(self, faces: Sequence[bytes], query: bytes) -> list[int]:
        with self._database.autocommit() as conn:
            rows = conn.execute(_query("count_queries"), {"faces": sorted(faces), "query": query}).fetchall()
        return [count for (count, is_new) in rows if is_new]

    def remember_signature(self, signature: bytes, request_nonce: bytes, expires_at: datetime) -> bool:
        values = {
            "signature": signature,
            "request_nonce": request_nonce,
            "expires_at": expires_at,
            "alike_within_s": ALIKE_WITHIN_S,
        }
        with self._database.autocommit() as conn:
            return conn.execute(_query("remember_signature"), values).fetchone() is not None

    def album_access(self, album: str) -> AlbumAccess:
        with self._database.autocommit() as conn, conn.cursor(row_factory=class_row(AlbumAccess)) as cursor:
            return cursor.execute(_query("album_access"), {"album": album}).fetchone() or AlbumAccess()

    def set_album_access(self, album: str, access: AlbumAccess) -> None:
        with self._database.transaction() as conn:
            with conn.cursor(row_factory=class_row(AlbumAccess)) as cursor:
                before = cursor.execute(_query("album_access_to_change"), {"album": album}).fetchone() or AlbumAccess()
            row = conn.execute(_query("set_album_access"), {"album": album} | asdict(access)).fetchone()
            assert row is not None, "an upsert returns its row"
            if before == access:
                return
            album_id = use_album(conn, album)
            event_type = EventType.ALBUM_OPENED if access.users_may_search else EventType.ALBUM_CLOSED
            event = AlbumEvent(
                id=fact_id(event_type, album_id, row[0]),
                type=event_type,
                album=album,
                occurred_at=datetime.now(UTC),
                data=asdict(access),
            )
            record_events(conn, album_id, [event])

    def open_albums(self, *, anonymous: bool) -> frozenset[str]:
        with self._database.autocommit() as conn:
            return frozenset(album for (album,) in conn.execute(_query("open_albums"), {"anonymous": anonymous}))

    def append_audit(self, entry: AuditEntry) -> None:
        values = {
            "principal": entry.principal,
            "principal_id": entry.principal_id,
            "action": entry.action,
            "album": entry.album,
            "target": entry.target,
            "outcome": entry.outcome,
            "request_id": entry.request_id,
            "count": entry.count,
            "network": entry.network,
        }
        with self._database.autocommit() as conn:
            conn.execute(_query("append_audit"), values)

    def audit_entries(self, *, album: str | None = None, since: datetime | None = None) -> Iterator[AuditEntry]:
        after = 0
        while True:
            values = {"after": after, "album": album, "since": since, "limit": _AUDIT_PAGE}
            with self._database.autocommit() as conn, conn.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(_query("audit_entries"), values).fetchall()
            for row in rows:
                after = row.pop("entry_id")
                yield AuditEntry(**row)
            if len(rows) < _AUDIT_PAGE:
                return

    def audit_page(self, where: AuditFilter, *, before: int | None, limit: int) -> list[StoredEntry]:
        values = asdict(where) | {"before": before, "limit": limit}
        with self._database.autocommit() as conn, conn.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_query("audit_page"), values).fetchall()
        return [StoredEntry(row.pop("entry_id"), AuditEntry(**row)) for row in rows]

    def entries_about(self, album: str, target: str) -> list[AuditEntry]:
        values = {"album": album, "target": target}
        with self._database.autocommit() as conn, conn.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_query("entries_about"), values).fetchall()
        return [AuditEntry(**row, album=album, target=target) for row in rows]

    def expire(self, *, audit_before: datetime) -> Expired:
        with self._database.autocommit() as conn:
            row = conn.execute(_query("expire_audit_entries"), {"older_than": audit_before}).fetchone()
            assert row is not None, "a function returns one row"
            return Expired(
                audit_entries=row[0],
                rate_windows=conn.execute(_query("expire_rate_windows")).rowcount,
                signatures=conn.execute(_query("expire_signatures")).rowcount,
                found_faces=conn.execute(_query("expire_found_faces")).rowcount,
            )


def _api_key(row: dict[str, Any]) -> ApiKey:
    per_second, burst, albums = row.pop("rate_per_s"), row.pop("burst"), row.pop("albums")
    row["scope"] = Scope(row["scope"])
    row["albums"] = None if albums is None else frozenset(albums)
    row["rate"] = None if per_second is None else RateLimit(per_second=per_second, burst=burst)
    return ApiKey(**row)
