"""The scheduled function `reconcile`: photos of the last day, and all of them once a week, when the message says so."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cloudevents.http import CloudEvent

from photofinish import wiring
from photofinish.domain.photo import PhotoStatus
from photofinish.settings import Settings
from photofinish_functions import entry_points
from support.pipeline import MemoryCloud, toy_photo


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> MemoryCloud:
    """Photos without a record: one of today, and one of last month."""
    cloud = MemoryCloud()
    app = wiring.App(
        Settings.from_env(
            GOOGLE_CLOUD_PROJECT="p",
            PHOTOFINISH_REGION="r",
            PHOTOFINISH_PHOTO_BUCKET="photos",
            PHOTOFINISH_DERIVED_BUCKET="derived",
        )
    )
    app.store, app.documents, app.queue, app.events = cloud.store, cloud.documents, cloud.queue, cloud.events
    app.halted_albums = cloud.halted_albums
    monkeypatch.setattr(entry_points, "app", lambda: app)
    monkeypatch.setattr(entry_points, "_start", lambda: None)  # pytest's own logging stays
    now = datetime.now(UTC)
    photos = [cloud.store.upload(f"race/{number}.jpg", toy_photo()) for number in range(2)]
    aged = zip(photos, (timedelta(hours=1), timedelta(days=30)), strict=True)
    listed = [replace(photo, uploaded_at=now - age) for photo, age in aged]
    monkeypatch.setattr(cloud.store, "list_photos", lambda prefix="": iter(listed))
    return cloud


def run(data: bytes) -> None:
    message = {"data": base64.b64encode(data).decode(), "publishTime": datetime.now(UTC).isoformat()}
    attributes = {"type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "test"}
    entry_points.reconcile(CloudEvent(attributes, {"message": message}))


@pytest.mark.parametrize(("data", "queued"), [(b"{}", 1), (b'{"full": false}', 1), (b'{"full": true}', 2)])
def test_a_run_queues_the_photos_of_its_time(cloud: MemoryCloud, data: bytes, queued: int) -> None:
    run(data)
    assert cloud.documents.counts("race") == {PhotoStatus.QUEUED: queued}
    assert len(cloud.queue) == queued


def test_a_run_queues_what_was_put_aside_of_a_resumed_album(cloud: MemoryCloud) -> None:
    run(b'{"full": true}')
    assert len(cloud.queue) == 2
    cloud.halted_albums.update(lambda halted: halted.with_halted("race"))
    run(b"{}")
    assert len(cloud.queue) == 2, "a halted album waits"
    cloud.halted_albums.update(lambda halted: halted.with_resumed("race", datetime.now(UTC)))
    run(b"{}")
    assert len(cloud.queue) == 4, "their messages may be gone; a photo that is queued twice is analysed once"
    run(b"{}")
    assert len(cloud.queue) == 4
