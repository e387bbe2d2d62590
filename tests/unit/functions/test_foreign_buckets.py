"""Events about objects of another bucket are ignored by every event function, with a log line."""

from __future__ import annotations

import base64
import inspect
import json
import logging
from datetime import UTC, datetime
from unittest.mock import MagicMock

import pytest
from cloudevents.http import CloudEvent

from photofinish import wiring
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.webhook_deliveries import MemoryWebhookMessages
from photofinish.domain.photo import PhotoRef
from photofinish.ports import WorkItem
from photofinish.ports.work_messages import work_message
from photofinish.settings import Settings
from photofinish_functions import entry_points
from support.pipeline import MemoryCloud

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
UPLOADED = {"eventType": "OBJECT_FINALIZE"}
RENDITION = "renditions/race/p/1.preview.jpg"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> MemoryCloud:
    cloud = MemoryCloud()
    settings = Settings.from_env(
        GOOGLE_CLOUD_PROJECT="p",
        PHOTOFINISH_REGION="r",
        PHOTOFINISH_PHOTO_BUCKET="photos",
        PHOTOFINISH_DERIVED_BUCKET="derived",
        PHOTOFINISH_ENROLMENT_BUCKET="enrolments",
    )
    app = wiring.App(settings)
    app.documents, app.queue, app.events = cloud.documents, cloud.queue, cloud.events
    app.clustering, app.enrolment_pictures, app.enrolments, app.pictures = (MagicMock() for _ in range(4))
    app.suppression = MagicMock()
    app.event_log, app.webhook_messages = MemoryEventLog(), MemoryWebhookMessages()
    monkeypatch.setattr(entry_points, "app", lambda: app)
    monkeypatch.setattr(entry_points, "_start", lambda: None)  # pytest's own logging stays
    return cloud


def notification(bucket: str, name: str = RENDITION) -> bytes:
    stored = {"bucket": bucket, "name": name, "generation": "1", "size": "9", "timeCreated": NOW.isoformat()}
    return json.dumps(stored).encode()


def work_item(bucket: str) -> bytes:
    photo = PhotoRef(bucket=bucket, name=RENDITION, generation=1)
    return work_message(WorkItem(photo=photo, trace_id="t", uploaded_at=NOW))


def result(bucket: str, name: str) -> bytes:
    return json.dumps({"bucket": bucket, "name": name, "generation": 1, "status": "done"}).encode()


def send(function: str, data: bytes, attributes: dict[str, str]) -> None:
    message = {"data": base64.b64encode(data).decode(), "attributes": attributes, "publishTime": NOW.isoformat()}
    kind = {"type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub.googleapis.com/"}
    getattr(entry_points, function)(CloudEvent(kind, {"message": message}))


@pytest.mark.parametrize(
    ("function", "data", "attributes"),
    [
        ("on_object_finalized", notification("derived"), UPLOADED),
        ("on_object_finalized", notification("enrolments"), UPLOADED),
        ("on_dead_letter", notification("derived"), UPLOADED),
        ("on_dead_letter", work_item("derived"), {}),
        ("cluster_people", result("derived", "renditions/1.jpg"), {"status": "done"}),
        ("cluster_people", b"[]", {"status": "done"}),
        ("record_events", result("derived", "renditions/1.jpg"), {"status": "done"}),
        ("on_enrolment_finalized", notification("photos", "race/person-1/upload-1"), UPLOADED),
    ],
)
def test_an_event_of_another_bucket_is_ignored_and_logged(
    function: str, data: bytes, attributes: dict[str, str], cloud: MemoryCloud, caplog: pytest.LogCaptureFixture
) -> None:
    send(function, data, attributes)
    app = entry_points.app()
    assert cloud.documents.counts("renditions") == {}
    assert cloud.queue.pull(1, timeout_s=0) == []
    for unused in (app.clustering, app.enrolment_pictures, app.enrolments):
        assert unused.mock_calls == []  # type: ignore[attr-defined]
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.getMessage().startswith("ignored: ")


def test_the_same_event_of_the_right_bucket_is_not_ignored(cloud: MemoryCloud) -> None:
    send("on_object_finalized", notification("photos", "race/1.jpg"), UPLOADED)
    assert [work.item.photo.name for work in cloud.queue.pull(9, timeout_s=0)] == ["race/1.jpg"]
    send("cluster_people", result("photos", "race/1.jpg"), {"status": "done"})
    assert entry_points.app().clustering.photo_changed.mock_calls  # type: ignore[attr-defined]
    send("on_enrolment_finalized", notification("enrolments", "race/person-1/upload-1"), UPLOADED)
    assert entry_points.app().enrolments.awaited.mock_calls  # type: ignore[attr-defined]


def test_every_event_function_that_is_told_of_an_object_is_tried() -> None:
    """A function whose message names an object must check its bucket; add it to the cases above."""
    parsers = {"parse_object_finalized", "parse_dead_letter", "parse_result"}
    names = {
        name
        for name, function in vars(entry_points).items()
        if inspect.isfunction(function)
        and function.__module__ == entry_points.__name__
        and parsers & set(inspect.unwrap(function).__code__.co_names)
    }
    assert names == {
        "on_object_finalized",
        "on_dead_letter",
        "cluster_people",
        "record_events",
        "on_enrolment_finalized",
    }
