"""The daily function that deletes records of requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from cloudevents.http import CloudEvent

from photofinish import wiring
from photofinish.adapters.memory.audit_anchors import MemoryAuditAnchors
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.people import MemoryPeopleDocuments
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.memory.webhook_deliveries import MemoryWebhookMessages
from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.application.audit_anchoring import verify
from photofinish_functions import entry_points


@pytest.fixture
def deployed(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "DATABASE_URL": database,
        "GOOGLE_CLOUD_PROJECT": "test",
        "PHOTOFINISH_REGION": "local",
        "PHOTOFINISH_PHOTO_BUCKET": "photos",
        "PHOTOFINISH_DERIVED_BUCKET": "derived",
        "PHOTOFINISH_AUDIT_RETENTION_DAYS": "30",
        "PHOTOFINISH_AUDIT_BUCKET": "audit",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(entry_points, "_start", lambda: None)  # keeps pytest's own logging
    wiring.app.cache_clear()
    yield
    wiring.app()._database.close()
    wiring.app.cache_clear()


@pytest.mark.usefixtures("deployed")
def test_entries_are_deleted_when_their_retention_is_over(store: PgAccessStore, database: str) -> None:
    now = datetime.now(UTC)
    ages = {"last month": timedelta(days=31), "yesterday": timedelta(days=1), "now": timedelta(0)}
    with psycopg.connect(database) as conn:
        for request_id, age in ages.items():
            conn.execute(
                "INSERT INTO audit_entry (at, principal, principal_id, action, outcome, request_id) "
                "VALUES (%s, 'key', 'k', 'search', '200', %s)",
                [now - age, request_id],
            )
    anchors = MemoryAuditAnchors()
    cloud = wiring.app()
    cloud.audit_anchors = anchors
    cloud.documents = cloud.erasable_documents = MemoryDocuments()
    cloud.store = cloud.erasable_objects = MemoryPhotoStore()
    cloud.people_documents = MemoryPeopleDocuments()
    cloud.webhook_messages = MemoryWebhookMessages()
    event = CloudEvent(
        {"type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub.googleapis.com/"},
        {"message": {"data": "e30=", "publishTime": now.isoformat()}},
    )
    for _ in range(2):  # delivered twice
        entry_points.expire(event)
    assert [entry.request_id for entry in store.audit_entries()] == ["yesterday", "now"]
    found = verify(cloud.audit, anchors, expired_before=now - timedelta(days=30), anchored_before=now)
    assert (found.anchored, found.problems) == (3, ()), "anchored before they expired"
