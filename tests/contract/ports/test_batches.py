"""The promises of Batches, kept by every implementation."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from photofinish.adapters.memory.batches import MemoryBatches
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.postgres.batches import PgBatches
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.domain import upload_batch
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, fact_id
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.photo import PhotoRef
from photofinish.domain.upload_batch import AnnouncedFile, Batch, BatchState, FileStatus
from photofinish.errors import Conflict
from photofinish.ports import Batches, EventLog, UnknownBatch
from support.faces import photo

SOON = timedelta(days=7)


@dataclass
class Stores:
    batches: Batches
    log: EventLog

    def create(self, *names: str, album: str = "race") -> Batch:
        files = [announced(f"{album}/{name}") for name in names]
        return self.batches.create(album, files, expires_at=datetime.now(UTC) + SOON)

    def tell(self, event_type: EventType, ref: PhotoRef, at: datetime | None = None, **fields: object) -> str | None:
        """Record what happened to a photo, as the function record_events does; return its batch."""
        batch_id = self.batches.batch_of(ref)
        moment = at or datetime.now(UTC)
        event = AlbumEvent(
            id=fact_id(event_type, ref.photo_id, moment.isoformat()),
            type=event_type,
            album=ref.album,
            occurred_at=moment,
            photo_id=ref.photo_id,
            generation=ref.generation,
            batch_id=batch_id,
            **fields,  # type: ignore[arg-type]
        )
        self.log.append([event])
        return batch_id

    def told(self, batch_id: str) -> list[EventType]:
        wanted = EventFilter(batch_id=batch_id)
        return [one.event.type for one in self.log.page("race", wanted, after=0, limit=1000).events]

    def batch(self, batch_id: str) -> Batch:
        found = self.batches.get("race", batch_id)
        assert found is not None
        return found


def announced(name: str, **fields: object) -> AnnouncedFile:
    ref = photo(name)
    plain: dict[str, object] = {"size_bytes": 10, "content_type": "image/jpeg", "crc32c": "AAAAAA=="}
    return AnnouncedFile(name=name, photo_id=ref.photo_id, **plain | fields)  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        log = MemoryEventLog()
        return Stores(MemoryBatches(log), log)
    connections = request.getfixturevalue("connections")
    return Stores(PgBatches(connections), PgEventLog(connections))


def test_a_batch_awaits_what_was_announced(stores: Stores) -> None:
    batch = stores.create("2.jpg", "1.jpg")
    assert (batch.state, batch.files, batch.outstanding) == (BatchState.OPEN, 2, 2)
    assert batch.counts[FileStatus.AWAITED] == 2
    assert batch.expires_at > batch.created_at
    assert stores.batch(batch.batch_id) == batch
    assert stores.batches.get("other", batch.batch_id) is None
    assert stores.batches.get("race", str(uuid4())) is None
    [first, second] = stores.batches.files("race", batch.batch_id, status=None, after=None, limit=10)
    assert (first.file, second.file) == (announced("race/1.jpg"), announced("race/2.jpg"))
    assert (first.status, first.changed_at, first.error) == (FileStatus.AWAITED, None, None)
    assert stores.told(batch.batch_id) == [EventType.BATCH_CREATED]


def test_results_are_those_of_the_log(stores: Stores) -> None:
    batch_id = stores.create("1.jpg", "2.jpg", "3.jpg").batch_id
    assert stores.tell(EventType.PHOTO_QUEUED, photo("race/1.jpg")) == batch_id
    assert stores.tell(EventType.PHOTO_QUEUED, photo("race/2.jpg")) == batch_id
    stores.tell(EventType.PHOTO_DONE, photo("race/1.jpg"), data={"duplicate_of": "f" * 32})
    stores.tell(EventType.PHOTO_REJECTED, photo("race/2.jpg"), data={"error": {"code": "damaged", "message": "It is."}})
    batch = stores.batch(batch_id)
    assert {status: count for status, count in batch.counts.items() if count} == {
        FileStatus.DONE: 1,
        FileStatus.REJECTED: 1,
        FileStatus.AWAITED: 1,
    }
    assert (batch.recent_results, batch.outstanding) == (2, 1)
    [done] = stores.batches.files("race", batch_id, status=FileStatus.DONE, after=None, limit=10)
    assert done.duplicate_of == "f" * 32
    [rejected] = stores.batches.files("race", batch_id, status=FileStatus.REJECTED, after=None, limit=10)
    assert rejected.error == {"code": "damaged", "message": "It is."}
    assert rejected.changed_at is not None


def test_an_earlier_status_that_is_told_late_changes_nothing(stores: Stores) -> None:
    batch_id = stores.create("1.jpg").batch_id
    now = datetime.now(UTC)
    stores.tell(EventType.PHOTO_DONE, photo("race/1.jpg"), at=now)
    stores.tell(EventType.PHOTO_QUEUED, photo("race/1.jpg"), at=now - timedelta(seconds=5))
    assert stores.batch(batch_id).counts[FileStatus.DONE] == 1


def test_files_come_in_pages(stores: Stores) -> None:
    batch_id = stores.create(*(f"{number}.jpg" for number in range(5))).batch_id
    stores.tell(EventType.PHOTO_DONE, photo("race/3.jpg"))
    read: list[str] = []
    after = None
    while page := stores.batches.files("race", batch_id, status=FileStatus.AWAITED, after=after, limit=2):
        read += [one.file.name for one in page]
        after = page[-1].file.name
    assert read == ["race/0.jpg", "race/1.jpg", "race/2.jpg", "race/4.jpg"]
    assert stores.batches.files("other", batch_id, status=None, after=None, limit=2) == []


def test_a_batch_whose_awaited_photo_was_erased_completes(connections: Database) -> None:
    log = PgEventLog(connections)
    stores = Stores(PgBatches(connections), log)
    batch_id = stores.create("1.jpg", "2.jpg").batch_id
    stores.tell(EventType.PHOTO_DONE, photo("race/1.jpg"))
    stores.tell(EventType.PHOTO_QUEUED, photo("race/2.jpg"))
    assert stores.batches.settle_all() == 0
    awaited = photo("race/2.jpg")
    target = ErasureTarget(kind=ErasureKind.PHOTO, album="race", id=awaited.photo_id, generation=awaited.generation)
    PgErasures(connections).begin(target, reason=Reason.REQUEST)
    assert stores.batches.settle_all() == 1
    assert stores.batch(batch_id).state is BatchState.COMPLETED
    assert stores.batch(batch_id).files == 1


def test_a_batch_completes_once_when_every_file_has_a_result(stores: Stores) -> None:
    batch_id = stores.create("1.jpg", "2.jpg").batch_id
    stores.tell(EventType.PHOTO_DONE, photo("race/1.jpg"))
    assert not stores.batches.settle(batch_id)
    stores.tell(EventType.PHOTO_FAILED, photo("race/2.jpg"))
    together = threading.Barrier(4)

    def settle(_: int) -> bool:
        together.wait()
        return stores.batches.settle(batch_id)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(settle, range(4))) == 1
    batch = stores.batch(batch_id)
    assert batch.state is BatchState.COMPLETED
    assert batch.ended_at is not None
    assert stores.told(batch_id).count(EventType.BATCH_COMPLETED) == 1


def test_more_files_keep_a_batch_open(stores: Stores) -> None:
    batch_id = stores.create("1.jpg").batch_id
    stores.batches.add("race", batch_id, [announced("race/2.jpg"), announced("race/1.jpg", size_bytes=11)])
    assert stores.batch(batch_id).files == 2
    [again] = stores.batches.files("race", batch_id, status=None, after=None, limit=1)
    assert again.file.size_bytes == 11
    stores.tell(EventType.PHOTO_DONE, photo("race/1.jpg"))
    assert not stores.batches.settle(batch_id)


def test_an_ended_batch_takes_no_more(stores: Stores) -> None:
    batch_id = stores.create("1.jpg").batch_id
    assert stores.batches.cancel("race", batch_id).state is BatchState.CANCELLED
    assert stores.batches.cancel("race", batch_id).state is BatchState.CANCELLED
    with pytest.raises(Conflict, match="cancelled: create another"):
        stores.batches.add("race", batch_id, [announced("race/2.jpg")])
    assert stores.batch(batch_id).files == 1
    assert stores.tell(EventType.PHOTO_QUEUED, photo("race/1.jpg")) is None
    assert stores.told(batch_id) == [EventType.BATCH_CREATED, EventType.BATCH_CANCELLED]


def test_a_completed_batch_cannot_be_cancelled(stores: Stores) -> None:
    batch_id = stores.create("1.jpg").batch_id
    stores.tell(EventType.PHOTO_DONE, photo("race/1.jpg"))
    assert stores.batches.settle(batch_id)
    with pytest.raises(Conflict, match="completed"):
        stores.batches.cancel("race", batch_id)


def test_unknown_batches_are_told(stores: Stores) -> None:
    batch_id = stores.create("1.jpg").batch_id
    for album, unknown in (("other", batch_id), ("race", str(uuid4()))):
        with pytest.raises(UnknownBatch):
            stores.batches.cancel(album, unknown)
        with pytest.raises(UnknownBatch):
            stores.batches.add(album, unknown, [announced(f"{album}/2.jpg")])
    assert not stores.batches.settle(str(uuid4()))


def test_a_batch_has_a_limit(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    assert upload_batch.MAX_BATCH_FILES == 10_000
    for module in ("postgres", "memory"):
        monkeypatch.setattr(f"photofinish.adapters.{module}.batches.MAX_BATCH_FILES", 2)
    batch_id = stores.create("1.jpg").batch_id
    with pytest.raises(Conflict, match="at most 2 files"):
        stores.batches.add("race", batch_id, [announced("race/2.jpg"), announced("race/3.jpg")])
    assert stores.batch(batch_id).files == 1


def test_a_photo_belongs_to_the_newest_open_batch_for_good(stores: Stores) -> None:
    first, second = stores.create("1.jpg").batch_id, stores.create("1.jpg").batch_id
    ref = photo("race/1.jpg")
    assert stores.batches.batch_of(ref) == second
    stores.batches.cancel("race", second)
    assert stores.batches.batch_of(ref) == second
    later = PhotoRef(bucket=ref.bucket, name=ref.name, generation=ref.generation + 1)
    assert stores.batches.batch_of(later) == first
    assert stores.batches.batch_of(photo("race/other.jpg")) is None


def test_unfinished_batches_expire_once(stores: Stores) -> None:
    batch_id = stores.create("1.jpg").batch_id
    assert stores.batches.expire(datetime.now(UTC)) == 0
    assert stores.batches.expire(datetime.now(UTC) + SOON) == 1
    assert stores.batches.expire(datetime.now(UTC) + SOON) == 0
    assert stores.batch(batch_id).state is BatchState.EXPIRED
    assert stores.told(batch_id) == [EventType.BATCH_CREATED, EventType.BATCH_EXPIRED]


def test_old_batches_are_forgotten(stores: Stores) -> None:
    ended, running = stores.create("1.jpg").batch_id, stores.create("2.jpg").batch_id
    stores.batches.cancel("race", ended)
    assert stores.batches.forget(datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert stores.batches.get("race", ended) is None
    assert stores.batch(running).files == 1
