"""What happens to a photo is in the event log, once, however its messages arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from photofinish.adapters.memory.batches import MemoryBatches
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.application.ingest import requeue
from photofinish.application.recording_events import record_photo_event
from photofinish.domain.album_event import EventFilter, RecordedEvent
from photofinish.domain.announced import Announced
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.upload_batch import AnnouncedFile, BatchState
from support.pipeline import MemoryCloud

FIELDS = {"image": {"camera": "NIKON Z 9"}, "faces": [{}, {}], "bib_numbers": ["42"]}


def uploaded(cloud: MemoryCloud, name: str = "race/cam2/1.jpg") -> PhotoRef:
    photo = cloud.store.upload(name, b"x")
    cloud.ingest(photo)
    return photo.ref


def told(log: MemoryEventLog) -> list[RecordedEvent]:
    return list(log.page(None, EventFilter(), after=0, limit=100).events)


def record_all(cloud: MemoryCloud, log: MemoryEventLog, batches: MemoryBatches | None = None) -> None:
    for photo, status in cloud.events.published:
        record_photo_event(photo, status, cloud.documents, log, batches or MemoryBatches(log))


def test_a_photo_is_queued_and_done() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    photo = uploaded(cloud)
    cloud.documents.record_final(photo, PhotoStatus.DONE, FIELDS)
    cloud.events.publish_result(photo, PhotoStatus.DONE)
    for _ in range(2):  # delivered twice
        record_all(cloud, log)
    queued, done = (recorded.event for recorded in told(log))
    assert (queued.type, done.type) == ("photo.queued", "photo.done")
    assert (queued.photo_id, queued.generation, queued.folder) == (photo.photo_id, photo.generation, "cam2")
    assert done.camera == "NIKON Z 9"
    assert (done.data["faces"], done.data["bibs"]) == (2, 1)
    assert done.data["upload_to_result_s"] >= 0
    assert queued.occurred_at <= done.occurred_at


def test_a_rejection_says_why() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    photo = uploaded(cloud)
    cloud.documents.record_final(photo, PhotoStatus.REJECTED, {}, error=("not_a_picture", "The file is not a picture."))
    record_photo_event(photo, PhotoStatus.REJECTED, cloud.documents, log, MemoryBatches(log))
    [rejected] = told(log)
    assert rejected.event.data["error"] == {"code": "not_a_picture", "message": "The file is not a picture."}


def test_a_photo_that_is_analysed_again_has_new_events() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    photo = uploaded(cloud)
    record_all(cloud, log)
    seen_at = cloud.documents.states([photo])[photo].changed_at
    assert requeue(
        photo,
        seen_at=seen_at,
        uploaded_at=datetime.now(UTC),
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
    )
    record_all(cloud, log)
    assert [recorded.event.type for recorded in told(log)] == ["photo.queued", "photo.queued"]


def test_a_status_that_another_one_replaced_is_no_event() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    photo = uploaded(cloud)
    cloud.documents.record_final(photo, PhotoStatus.DONE, FIELDS)
    older = PhotoRef(bucket=photo.bucket, name=photo.name, generation=photo.generation - 1)
    assert not record_photo_event(photo, PhotoStatus.FAILED, cloud.documents, log, MemoryBatches(log))
    assert not record_photo_event(older, PhotoStatus.DONE, cloud.documents, log, MemoryBatches(log))
    assert not record_photo_event(photo, PhotoStatus.ERASED, cloud.documents, log, MemoryBatches(log))
    assert told(log) == []


def test_the_last_result_completes_the_batch_once() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    batches = MemoryBatches(log)
    names = ["race/1.jpg", "race/2.jpg"]
    files = [
        AnnouncedFile(
            name=name,
            photo_id=PhotoRef(bucket=cloud.store.bucket, name=name, generation=0).photo_id,
            size_bytes=1,
            content_type="image/jpeg",
        )
        for name in names
    ]
    batch_id = batches.create("race", files, expires_at=datetime.now(UTC) + timedelta(days=7)).batch_id
    for name in names:
        photo = uploaded(cloud, name)
        record_all(cloud, log, batches)
        cloud.documents.record_final(photo, PhotoStatus.DONE, FIELDS)
        cloud.events.publish_result(photo, PhotoStatus.DONE)
    for _ in range(2):
        record_all(cloud, log, batches)
    of_batch = [recorded.event.type for recorded in told(log) if recorded.event.batch_id == batch_id]
    assert of_batch.count("batch.completed") == 1
    assert of_batch[-1] == "batch.completed"
    assert of_batch.count("photo.done") == 2
    found = batches.get("race", batch_id)
    assert found is not None
    assert found.state is BatchState.COMPLETED


@pytest.mark.parametrize(
    ("announced", "sentence"),
    [
        (Announced(size_bytes=2), "The file has 1 bytes, but 2 were announced. Delete the photo and upload it again."),
        (
            Announced(size_bytes=1, crc32c="AAAAAA=="),
            "The file's checksum is WeMCMg==, but AAAAAA== was announced. Delete the photo and upload it again.",
        ),
    ],
)
def test_a_file_that_is_not_as_announced_is_rejected(announced: Announced, sentence: str) -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    stored = replace(cloud.store.upload("race/1.jpg", b"x"), announced=announced, crc32c="WeMCMg==")
    cloud.ingest(stored)
    record_all(cloud, log)
    [rejected] = told(log)
    assert rejected.event.type == "photo.rejected"
    assert rejected.event.data["error"] == {"code": "not_as_announced", "message": sentence}
    assert len(cloud.queue) == 0


def test_a_file_that_is_as_announced_is_queued() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    as_announced = Announced(size_bytes=1, crc32c="WeMCMg==")
    cloud.ingest(replace(cloud.store.upload("race/1.jpg", b"x"), announced=as_announced, crc32c="WeMCMg=="))
    record_all(cloud, log)
    assert [recorded.event.type for recorded in told(log)] == ["photo.queued"]
