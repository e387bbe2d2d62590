"""Batches in Postgres; statements in `sql/batches.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Connection, Database, is_storable
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import EventType
from photofinish.domain.photo import PhotoRef
from photofinish.domain.upload_batch import (
    MAX_BATCH_FILES,
    STATUS_OF_EVENT,
    AnnouncedFile,
    Batch,
    BatchFile,
    BatchState,
    FileStatus,
    batch_event,
)
from photofinish.errors import Conflict
from photofinish.ports import UnknownBatch

_query = Statements("batches")
_EVENT_OF_STATUS = {status: event_type.value for event_type, status in STATUS_OF_EVENT.items()}
_TYPES = list(_EVENT_OF_STATUS.values())
_LOCKED, _UNLOCKED = sql.SQL("FOR UPDATE OF upload_batch"), sql.SQL("")


class PgBatches:
    """:class:`photofinish.ports.Batches`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, album: str, files: Sequence[AnnouncedFile], *, expires_at: datetime) -> Batch:
        with self._database.transaction() as conn:
            album_id = use_album(conn, album)
            row = conn.execute(_query("create"), {"album_id": album_id, "expires_at": expires_at}).fetchone()
            assert row is not None, "an INSERT returns its row"
            _announce(conn, row[0], album_id, files)
            batch = _require(conn, album, row[0])
            _record(conn, album_id, batch, batch.created_at)
        return batch

    def add(self, album: str, batch_id: str, files: Sequence[AnnouncedFile]) -> Batch:
        with self._database.transaction() as conn:
            known = _require(conn, album, as_uuid(batch_id), lock=True)
            if known.state is not BatchState.OPEN:
                raise _ended(known)
            _announce(conn, as_uuid(batch_id), use_album(conn, album), files)
            batch = _require(conn, album, as_uuid(batch_id))
            if batch.files > MAX_BATCH_FILES:
                raise Conflict("batch_full", f"A batch has at most {MAX_BATCH_FILES:,} files: create another.")
        return batch

    def get(self, album: str, batch_id: str) -> Batch | None:
        with self._database.transaction() as conn:
            return _find(conn, album, as_uuid(batch_id))

    def files(
        self, album: str, batch_id: str, *, status: FileStatus | None, after: str | None, limit: int
    ) -> list[BatchFile]:
        if after is not None and not is_storable(after):
            return []
        values = {
            "batch_id": as_uuid(batch_id),
            "types": _TYPES,
            "after": after,
            "filtered": status is not None,
            "type": None if status is None else _EVENT_OF_STATUS.get(status),
            "limit": limit,
        }
        with self._database.transaction() as conn:
            if _find(conn, album, as_uuid(batch_id)) is None:
                return []
            return [_file_of_row(row) for row in conn.execute(_query("files"), values)]

    def cancel(self, album: str, batch_id: str) -> Batch:
        with self._database.transaction() as conn:
            batch = _require(conn, album, as_uuid(batch_id), lock=True)
            if batch.state is BatchState.CANCELLED:
                return batch
            if batch.state is not BatchState.OPEN:
                raise _ended(batch)
            return _end(conn, batch, BatchState.CANCELLED)

    def batch_of(self, photo: PhotoRef) -> str | None:
        values = {"photo_id": as_uuid(photo.photo_id), "generation": photo.generation}
        with self._database.autocommit() as conn:
            row = conn.execute(_query("batch_of"), values).fetchone()
        return None if row is None else str(row[0])

    def settle(self, batch_id: str) -> bool:
        with self._database.transaction() as conn:
            batch = _find(conn, None, as_uuid(batch_id), lock=True)
            if batch is None or batch.state is not BatchState.OPEN or batch.outstanding > 0:
                return False
            _end(conn, batch, BatchState.COMPLETED)
        return True

    def settle_all(self) -> int:
        with self._database.transaction() as conn:
            still_open = [str(row[0]) for row in conn.execute(_query("open"))]
        return sum(self.settle(batch_id) for batch_id in still_open)

    def expire(self, now: datetime) -> int:
        with self._database.transaction() as conn:
            due = [row[0] for row in conn.execute(_query("due"), {"now": now})]
        expired = 0
        for batch_id in due:
            with self._database.transaction() as conn:
                batch = _find(conn, None, batch_id, lock=True)
                if batch is not None and batch.state is BatchState.OPEN:
                    _end(conn, batch, BatchState.EXPIRED)
                    expired += 1
        return expired

    def forget(self, before: datetime) -> int:
        with self._database.transaction() as conn:
            return conn.execute(_query("forget"), {"before": before}).rowcount


def _announce(conn: Connection, batch_id: UUID, album_id: int, files: Sequence[AnnouncedFile]) -> None:
    values = {
        "batch_id": batch_id,
        "album_id": album_id,
        "names": [file.name for file in files],
        "photo_ids": [as_uuid(file.photo_id) for file in files],
        "sizes": [file.size_bytes for file in files],
        "content_types": [file.content_type for file in files],
        "crc32cs": [file.crc32c for file in files],
    }
    conn.execute(_query("announce"), values)


def _find(conn: Connection, album: str | None, batch_id: UUID, *, lock: bool = False) -> Batch | None:
    """Return a batch of `album` (None: of any), locked until the transaction ends if asked for."""
    statement = _query("batch", lock=_LOCKED if lock else _UNLOCKED)
    row = conn.execute(statement, {"batch_id": batch_id}).fetchone()
    if row is None or album not in (None, row[4]):
        return None
    state, created_at, expires_at, ended_at, found_album, _ = row
    counts, recent = dict.fromkeys(FileStatus, 0), 0
    for event_type, count, recent_count in conn.execute(_query("counts"), {"batch_id": batch_id, "types": _TYPES}):
        counts[_status_of(event_type)] += count
        recent += recent_count
    return Batch(
        batch_id=str(batch_id),
        album=found_album,
        state=BatchState(state),
        created_at=created_at,
        expires_at=expires_at,
        ended_at=ended_at,
        counts=counts,
        recent_results=recent,
    )


def _require(conn: Connection, album: str, batch_id: UUID, *, lock: bool = False) -> Batch:
    batch = _find(conn, album, batch_id, lock=lock)
    if batch is None:
        raise UnknownBatch
    return batch


def _end(conn: Connection, batch: Batch, state: BatchState) -> Batch:
    row = conn.execute(_query("end"), {"batch_id": as_uuid(batch.batch_id), "state": state.value}).fetchone()
    assert row is not None, "the row is locked"
    ended = _require(conn, batch.album, as_uuid(batch.batch_id))
    _record(conn, use_album(conn, batch.album), ended, row[0])
    return ended


def _record(conn: Connection, album_id: int, batch: Batch, at: datetime) -> None:
    record_events(conn, album_id, [batch_event(batch.batch_id, batch.album, batch.state, at, batch.counts)])


def _ended(batch: Batch) -> Conflict:
    return Conflict("batch_ended", f"The batch is {batch.state.value}: create another.")


def _status_of(event_type: str | None) -> FileStatus:
    return FileStatus.AWAITED if event_type is None else STATUS_OF_EVENT[EventType(event_type)]


def _file_of_row(row: TupleRow) -> BatchFile:
    name, photo_id, size_bytes, content_type, crc32c, event_type, occurred_at, error, original = row
    announced = AnnouncedFile(
        name=name, photo_id=photo_id.hex, size_bytes=size_bytes, content_type=content_type, crc32c=crc32c
    )
    details: dict[str, Any] | None = error
    return BatchFile(
        file=announced,
        status=_status_of(event_type),
        changed_at=occurred_at,
        error=details,
        duplicate_of=original,
    )
