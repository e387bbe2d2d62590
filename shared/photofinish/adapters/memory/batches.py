"""Batches in memory."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from photofinish.domain.album_event import AlbumEvent, EventFilter
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
from photofinish.ports import EventLog, UnknownBatch

_ALL = 1_000_000


@dataclass
class _Known:
    batch_id: str
    album: str
    created_at: datetime
    expires_at: datetime
    state: BatchState = BatchState.OPEN
    ended_at: datetime | None = None
    files: dict[str, AnnouncedFile] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    """Photo id → generation of the object that came."""


class MemoryBatches:
    """:class:`photofinish.ports.Batches`; threads may share it."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._lock = threading.RLock()
        self._known: dict[str, _Known] = {}

    def create(self, album: str, files: Sequence[AnnouncedFile], *, expires_at: datetime) -> Batch:
        known = _Known(str(uuid.uuid4()), album, datetime.now(UTC), expires_at)
        known.files = {file.name: file for file in files}
        with self._lock:
            self._known[known.batch_id] = known
            return self._record(known, known.created_at)

    def add(self, album: str, batch_id: str, files: Sequence[AnnouncedFile]) -> Batch:
        with self._lock:
            known = self._require(album, batch_id)
            if known.state is not BatchState.OPEN:
                raise _ended(known)
            all_files = known.files | {file.name: file for file in files}
            if len(all_files) > MAX_BATCH_FILES:
                raise Conflict("batch_full", f"A batch has at most {MAX_BATCH_FILES:,} files: create another.")
            known.files = all_files
            return self._batch(known)

    def get(self, album: str, batch_id: str) -> Batch | None:
        with self._lock:
            known = self._known.get(batch_id)
            return self._batch(known) if known is not None and known.album == album else None

    def files(
        self, album: str, batch_id: str, *, status: FileStatus | None, after: str | None, limit: int
    ) -> list[BatchFile]:
        with self._lock:
            known = self._known.get(batch_id)
            if known is None or known.album != album:
                return []
            results = self._results(known)
        found = [one for one in results if status in (None, one.status) and (after is None or one.file.name > after)]
        return found[:limit]

    def cancel(self, album: str, batch_id: str) -> Batch:
        with self._lock:
            known = self._require(album, batch_id)
            if known.state is BatchState.CANCELLED:
                return self._batch(known)
            if known.state is not BatchState.OPEN:
                raise _ended(known)
            return self._end(known, BatchState.CANCELLED)

    def batch_of(self, photo: PhotoRef) -> str | None:
        with self._lock:
            for known in self._known.values():
                if known.generations.get(photo.photo_id) == photo.generation:
                    return known.batch_id
            for known in sorted(self._known.values(), key=lambda known: known.created_at, reverse=True):
                awaits = any(file.photo_id == photo.photo_id for file in known.files.values())
                if awaits and known.state is BatchState.OPEN and photo.photo_id not in known.generations:
                    known.generations[photo.photo_id] = photo.generation
                    return known.batch_id
            return None

    def settle(self, batch_id: str) -> bool:
        with self._lock:
            known = self._known.get(batch_id)
            if known is None or known.state is not BatchState.OPEN or self._batch(known).outstanding > 0:
                return False
            self._end(known, BatchState.COMPLETED)
            return True

    def settle_all(self) -> int:
        return sum(self.settle(batch_id) for batch_id in list(self._known))

    def expire(self, now: datetime) -> int:
        with self._lock:
            due = [one for one in self._known.values() if one.state is BatchState.OPEN and one.expires_at <= now]
            for known in due:
                self._end(known, BatchState.EXPIRED)
            return len(due)

    def forget(self, before: datetime) -> int:
        with self._lock:
            old = [one for one in self._known.values() if one.ended_at is not None and one.ended_at < before]
            for known in old:
                del self._known[known.batch_id]
            return len(old)

    def _require(self, album: str, batch_id: str) -> _Known:
        known = self._known.get(batch_id)
        if known is None or known.album != album:
            raise UnknownBatch
        return known

    def _end(self, known: _Known, state: BatchState) -> Batch:
        known.state, known.ended_at = state, datetime.now(UTC)
        return self._record(known, known.ended_at)

    def _record(self, known: _Known, at: datetime) -> Batch:
        batch = self._batch(known)
        self._events.append([batch_event(batch.batch_id, batch.album, batch.state, at, batch.counts)])
        return batch

    def _batch(self, known: _Known) -> Batch:
        counts, recent = dict.fromkeys(FileStatus, 0), 0
        minute_ago = datetime.now(UTC) - timedelta(minutes=1)
        for one in self._results(known):
            counts[one.status] += 1
            has_result = one.status not in (FileStatus.AWAITED, FileStatus.QUEUED)
            recent += has_result and one.changed_at is not None and one.changed_at > minute_ago
        return Batch(
            batch_id=known.batch_id,
            album=known.album,
            state=known.state,
            created_at=known.created_at,
            expires_at=known.expires_at,
            ended_at=known.ended_at,
            counts=counts,
            recent_results=recent,
        )

    def _results(self, known: _Known) -> list[BatchFile]:
        wanted = EventFilter(types=frozenset(STATUS_OF_EVENT), batch_id=known.batch_id)
        latest: dict[str | None, AlbumEvent] = {}
        for recorded in self._events.page(known.album, wanted, after=0, limit=_ALL).events:
            event = recorded.event
            before = latest.get(event.photo_id)
            if before is None or _order(event) >= _order(before):
                latest[event.photo_id] = event
        return [_result(file, latest.get(file.photo_id)) for _, file in sorted(known.files.items())]


def _order(event: AlbumEvent) -> tuple[datetime, bool]:
    return event.occurred_at, STATUS_OF_EVENT[event.type] is not FileStatus.QUEUED


def _result(file: AnnouncedFile, event: AlbumEvent | None) -> BatchFile:
    if event is None:
        return BatchFile(file=file, status=FileStatus.AWAITED, changed_at=None)
    status = STATUS_OF_EVENT[event.type]
    return BatchFile(
        file=file,
        status=status,
        changed_at=event.occurred_at,
        error=event.data.get("error"),
        duplicate_of=event.data.get("duplicate_of"),
    )


def _ended(known: _Known) -> Conflict:
    return Conflict("batch_ended", f"The batch is {known.state.value}: create another.")
