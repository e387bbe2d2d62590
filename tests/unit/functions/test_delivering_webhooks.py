"""What the messages on `webhook-deliveries` make the function do, and who sends them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

import pytest
from cloudevents.http import CloudEvent

from photofinish import wiring
from photofinish.adapters.memory.batches import MemoryBatches
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.webhook_deliveries import MemoryWebhookMessages
from photofinish.domain.photo import PhotoStatus
from photofinish.errors import NotOurs
from photofinish.settings import Settings
from photofinish_functions import entry_points
from photofinish_functions.events import Message, parse_delivery
from support.pipeline import MemoryCloud

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> wiring.App:
    settings = Settings.from_env(
        GOOGLE_CLOUD_PROJECT="p",
        PHOTOFINISH_REGION="r",
        PHOTOFINISH_PHOTO_BUCKET="photos",
        PHOTOFINISH_DERIVED_BUCKET="derived",
    )
    made = wiring.App(settings)
    made.webhook_relay, made.webhook_deliverer = MagicMock(), MagicMock()
    monkeypatch.setattr(entry_points, "app", lambda: made)
    monkeypatch.setattr(entry_points, "_start", lambda: None)  # pytest's own logging stays
    return made


def message(attributes: dict[str, str], data: bytes = b"{}") -> Message:
    return Message(data=data, attributes=attributes, publish_time=NOW)


def pushed(data: Any, attributes: dict[str, str]) -> CloudEvent:
    encoded = base64.b64encode(json.dumps(data).encode()).decode()
    body = {"data": encoded, "attributes": attributes, "publishTime": NOW.isoformat()}
    kind = {"type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub.googleapis.com/"}
    return CloudEvent(kind, {"message": body})


def test_a_message_names_a_delivery_or_asks_for_a_run() -> None:
    assert parse_delivery(message({"delivery_id": "4711"})) == 4711
    assert parse_delivery(message({})) is None
    for wrong in ({"delivery_id": ""}, {"delivery_id": "-1"}, {"delivery_id": "1;"}, {"delivery_id": "9" * 19}):
        with pytest.raises(NotOurs):
            parse_delivery(message(wrong))
    with pytest.raises(NotOurs):
        parse_delivery(message({}, b"[]"))


def test_the_function_delivers_or_relays(app: wiring.App) -> None:
    entry_points.deliver_webhooks(pushed({}, {"delivery_id": "4711"}))
    app.webhook_deliverer.deliver.assert_called_once_with(4711)  # type: ignore[attr-defined]
    app.webhook_relay.run.assert_not_called()  # type: ignore[attr-defined]
    entry_points.deliver_webhooks(pushed({}, {}))
    app.webhook_relay.run.assert_called_once_with()  # type: ignore[attr-defined]


def test_a_new_event_is_relayed_soon_and_a_known_one_is_not_told_again(app: wiring.App) -> None:
    cloud, messages = MemoryCloud(), MemoryWebhookMessages()
    app.documents, app.index, app.event_log, app.webhook_messages = (
        cloud.documents,
        cloud.index,
        MemoryEventLog(),
        messages,
    )
    app.batches, app.statistics_counting = MemoryBatches(app.event_log), MagicMock()
    photo = cloud.store.upload("race/1.jpg", b"x")
    cloud.ingest(photo)
    cloud.documents.record_final(photo.ref, PhotoStatus.DONE, {})
    result = {"bucket": "photos", "name": "race/1.jpg", "generation": photo.ref.generation, "status": "done"}
    for _ in range(2):
        entry_points.record_events(pushed(result, {"album": "race", "status": "done"}))
    assert messages.nudges == 1
