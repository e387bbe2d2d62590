"""A file with the bytes of another photo of its album is told, not analysed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from photofinish.adapters.memory.batches import MemoryBatches
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.application.reconcile import reconcile
from photofinish.application.recording_events import record_photo_event
from photofinish.domain.album_event import EventFilter
from photofinish.domain.erasure import ErasedPhoto
from photofinish.domain.photo import PhotoStatus, StoredPhoto
from support.pipeline import MemoryCloud


def drop(cloud: MemoryCloud, name: str, *, md5: str = "md5") -> StoredPhoto:
    photo = replace(cloud.store.upload(name, b"x"), md5=md5, crc32c="crc")
    cloud.ingest(photo)
    return photo


def duplicate_of(cloud: MemoryCloud, photo: StoredPhoto) -> str | None:
    record = cloud.documents.get(photo.ref.album, photo.ref.photo_id)
    assert record is not None
    return record.fields.get("duplicate_of")


def run_reconcile(cloud: MemoryCloud, listed: list[StoredPhoto], *, again: bool = False) -> int:
    cloud.store.list_photos = lambda prefix="": iter(listed)  # type: ignore[method-assign]
    done = reconcile(
        store=cloud.store,
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
        stale_after=timedelta(hours=1),
        again=again,
    )
    return done.queued


def test_the_same_bytes_are_analysed_once() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    original, duplicate = drop(cloud, "race/1.jpg"), drop(cloud, "race/2.jpg")
    assert duplicate_of(cloud, duplicate) == original.ref.photo_id
    assert len(cloud.queue) == 1
    assert cloud.events.published[-1] == (duplicate.ref, PhotoStatus.DONE)
    record_photo_event(duplicate.ref, PhotoStatus.DONE, cloud.documents, log, MemoryBatches(log))
    [told] = log.page("race", EventFilter(), after=0, limit=10).events
    assert told.event.data["duplicate_of"] == original.ref.photo_id


def test_other_albums_and_other_bytes_are_analysed() -> None:
    cloud = MemoryCloud()
    drop(cloud, "race/1.jpg")
    drop(cloud, "other/1.jpg")
    drop(cloud, "race/2.jpg", md5="other")
    assert len(cloud.queue) == 3


def test_an_event_that_comes_again_makes_no_duplicate_of_the_original() -> None:
    cloud = MemoryCloud()
    original = drop(cloud, "race/1.jpg")
    drop(cloud, "race/2.jpg")
    cloud.ingest(original)
    assert duplicate_of(cloud, original) is None


def test_a_version_that_replaces_another_photo_is_analysed() -> None:
    cloud = MemoryCloud()
    drop(cloud, "race/1.jpg")
    drop(cloud, "race/2.jpg", md5="other")
    replaced = drop(cloud, "race/2.jpg")
    assert duplicate_of(cloud, replaced) is None
    assert len(cloud.queue) == 3


def test_a_duplicate_whose_original_is_erased_or_overwritten_is_analysed() -> None:
    for ends in ("erased", "overwritten"):
        cloud = MemoryCloud()
        original, duplicate = drop(cloud, "race/1.jpg"), drop(cloud, "race/2.jpg")
        cloud.documents.record_final(original.ref, PhotoStatus.DONE, {})
        assert run_reconcile(cloud, [original, duplicate]) == 0
        if ends == "erased":
            erased = ErasedPhoto(photo_id=original.ref.photo_id, generation=original.ref.generation)
            cloud.documents.erase_photos("race", [erased])
        else:
            drop(cloud, "race/1.jpg", md5="other")
        assert run_reconcile(cloud, [duplicate]) == 1, ends
        assert duplicate_of(cloud, duplicate) is None
        record = cloud.documents.get("race", duplicate.ref.photo_id)
        assert record is not None
        assert record.status is PhotoStatus.QUEUED


def test_analysing_an_album_again_leaves_duplicates() -> None:
    cloud = MemoryCloud()
    original, duplicate = drop(cloud, "race/1.jpg"), drop(cloud, "race/2.jpg")
    cloud.documents.record_final(original.ref, PhotoStatus.DONE, {})
    assert run_reconcile(cloud, [original, duplicate], again=True) == 1


def test_a_name_that_is_not_allowed_is_rejected_without_a_task() -> None:
    cloud = MemoryCloud()
    photo = drop(cloud, "race/\0.jpg")
    record = cloud.documents.get("race", photo.ref.photo_id)
    assert record is not None
    assert (record.status, record.fields["error"]["code"]) == (PhotoStatus.REJECTED, "photo_name_not_allowed")
    assert len(cloud.queue) == 0
