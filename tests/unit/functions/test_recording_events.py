"""What happens to a photo is in the event log, once, however its messages arrive."""

from __future__ import annotations

from datetime import UTC, datetime

from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.application.ingest import requeue
from photofinish.application.recording_events import record_photo_event
from photofinish.domain.album_event import EventFilter, RecordedEvent
from photofinish.domain.photo import PhotoRef, PhotoStatus
from support.pipeline import MemoryCloud

FIELDS = {"image": {"camera": "NIKON Z 9"}, "faces": [{}, {}], "bib_numbers": ["42"]}


def uploaded(cloud: MemoryCloud, name: str = "race/cam2/1.jpg") -> PhotoRef:
    photo = cloud.store.upload(name, b"x")
    cloud.ingest(photo)
    return photo.ref


def told(log: MemoryEventLog) -> list[RecordedEvent]:
    return list(log.page(None, EventFilter(), after=0, limit=100).events)


def record_all(cloud: MemoryCloud, log: MemoryEventLog) -> None:
    for photo, status in cloud.events.published:
        record_photo_event(photo, status, cloud.documents, log)


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
    record_photo_event(photo, PhotoStatus.REJECTED, cloud.documents, log)
    [rejected] = told(log)
    assert rejected.event.data["error"] == {"code": "not_a_picture", "message": "The file is not a picture."}


def test_a_photo_that_is_analysed_again_has_new_events() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    photo = uploaded(cloud)
    record_all(cloud, log)
    requeue(photo, uploaded_at=datetime.now(UTC), documents=cloud.documents, queue=cloud.queue, events=cloud.events)
    record_all(cloud, log)
    assert [recorded.event.type for recorded in told(log)] == ["photo.queued", "photo.queued"]


def test_a_status_that_another_one_replaced_is_no_event() -> None:
    cloud, log = MemoryCloud(), MemoryEventLog()
    photo = uploaded(cloud)
    cloud.documents.record_final(photo, PhotoStatus.DONE, FIELDS)
    older = PhotoRef(bucket=photo.bucket, name=photo.name, generation=photo.generation - 1)
    assert not record_photo_event(photo, PhotoStatus.FAILED, cloud.documents, log)
    assert not record_photo_event(older, PhotoStatus.DONE, cloud.documents, log)
    assert not record_photo_event(photo, PhotoStatus.ERASED, cloud.documents, log)
    assert told(log) == []
