"""What the search has after a photo ended without a result, and its events were delivered."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from unittest.mock import MagicMock

import pytest
from cloudevents.http import CloudEvent

from photofinish import wiring
from photofinish.adapters.memory.batches import MemoryBatches
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.failing import fail_once
from photofinish.adapters.memory.work import MemoryWorkQueue
from photofinish.application.dead_letters import record_given_up
from photofinish.domain.announced import Announced
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.errors import Unavailable
from photofinish.settings import Settings
from photofinish_functions import entry_points
from support.index import bibs_of
from support.pipeline import MemoryCloud, toy_photo


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> MemoryCloud:
    """The stores that the function `record_events` uses."""
    cloud = MemoryCloud(queue=MemoryWorkQueue(ack_deadline_s=10, retry_delay_s=30, complete=True))
    settings = Settings.model_construct(photo_bucket=cloud.store.upload("race/0.jpg", b"x").ref.bucket)
    app, log = wiring.App(settings), MemoryEventLog()
    app.documents, app.index, app.event_log, app.batches = cloud.documents, cloud.index, log, MemoryBatches(log)
    app.webhook_messages, app.statistics_counting = MagicMock(), MagicMock()
    monkeypatch.setattr(entry_points, "app", lambda: app)
    monkeypatch.setattr(entry_points, "_start", lambda: None)
    return cloud


def deliver_events(cloud: MemoryCloud) -> None:
    """Call the function with every result event, in order."""
    for photo, status in cloud.events.published:
        result = {"bucket": photo.bucket, "name": photo.name, "generation": photo.generation, "status": status.value}
        message = {
            "data": result_data(result),
            "attributes": {"album": photo.album, "status": status.value},
            "publishTime": datetime.now(UTC).isoformat(),
        }
        entry_points.record_events(CloudEvent({"type": "message", "source": "pubsub"}, {"message": message}))


def result_data(result: dict[str, object]) -> str:
    return base64.b64encode(json.dumps(result).encode()).decode()


def overwrite_not_as_announced(cloud: MemoryCloud) -> StoredPhoto:
    stored = cloud.store.upload("race/1.jpg", toy_photo(bibs=["2"]))
    return replace(stored, announced=Announced(size_bytes=stored.size_bytes + 1))


def status_of(cloud: MemoryCloud, ref: PhotoRef) -> PhotoStatus:
    return cloud.documents.states([ref])[ref].status


def test_a_new_version_that_is_not_as_announced_takes_the_old_faces_out_of_the_search(cloud: MemoryCloud) -> None:
    cloud.drop("race/1.jpg", toy_photo(bibs=["1"]))
    cloud.worker().run()
    overwritten = overwrite_not_as_announced(cloud)
    cloud.ingest(overwritten)
    assert len(cloud.queue) == 0, "it costs no task"
    deliver_events(cloud)
    assert status_of(cloud, overwritten.ref) is PhotoStatus.REJECTED
    assert cloud.index.all_photos() == []


def test_a_task_that_still_analyses_the_old_version_brings_it_back_neither(cloud: MemoryCloud) -> None:
    cloud.drop("race/1.jpg", toy_photo(bibs=["1"]))
    cloud.ingest(overwrite_not_as_announced(cloud))
    deliver_events(cloud)
    cloud.worker().run()
    assert cloud.index.all_photos() == []


def test_the_event_of_a_rejection_is_published_though_the_first_attempt_could_not(cloud: MemoryCloud) -> None:
    cloud.drop("race/1.jpg", toy_photo(bibs=["1"]))
    cloud.worker().run()
    overwritten = overwrite_not_as_announced(cloud)
    fail_once(cloud.events.publish_result, Unavailable("Pub/Sub is away"))
    with pytest.raises(Unavailable):
        cloud.ingest(overwritten)
    cloud.ingest(overwritten)
    deliver_events(cloud)
    assert cloud.index.all_photos() == []


def test_a_photo_given_up_between_index_and_document_is_not_found(cloud: MemoryCloud) -> None:
    photo = cloud.drop("race/1.jpg", toy_photo(bibs=["1"])).ref
    fail_once(cloud.documents.record_final, Unavailable("Firestore is away"))
    cloud.worker().run()
    assert bibs_of(cloud.index, "race", "1") != []
    fail_once(cloud.events.publish_result, Unavailable("Pub/Sub is away"))
    with pytest.raises(Unavailable):
        record_given_up(photo, attempts="5", documents=cloud.documents, events=cloud.events)
    record_given_up(photo, attempts="5", documents=cloud.documents, events=cloud.events)
    deliver_events(cloud)
    assert status_of(cloud, photo) is PhotoStatus.FAILED
    assert cloud.index.all_photos() == []
