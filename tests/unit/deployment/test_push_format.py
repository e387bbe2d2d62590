"""Functions accept both push formats: Pub/Sub's own JSON in the cloud, and CloudEvents in the local cloud."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import functions_framework
import pytest

from photofinish_functions.events import is_full_run, parse_message, parse_object_finalized

FUNCTION = """
import functions_framework

received = []


@functions_framework.cloud_event
def receive(event):
    from photofinish_functions.events import parse_message

    received.append((event["type"], parse_message(event.data)))
"""
STORED = {
    "bucket": "my-project-photos",
    "name": "spring-10k/ärger/IMG 1.jpg",
    "generation": "1700000000000001",
    "size": "2000000",
    "contentType": "image/jpeg",
    "timeCreated": "2026-01-31T12:00:00.123Z",
}
MESSAGE = {
    "data": base64.b64encode(json.dumps(STORED).encode()).decode(),
    "attributes": {"eventType": "OBJECT_FINALIZE", "payloadFormat": "JSON_API_V1"},
    "messageId": "123",
    "message_id": "123",
    "publishTime": "2026-01-31T12:00:01.5Z",
    "publish_time": "2026-01-31T12:00:01.5Z",
}


@pytest.fixture
def client(tmp_path: Path) -> Any:
    source = tmp_path / "push_receiver.py"
    source.write_text(FUNCTION, encoding="utf-8")
    return functions_framework.create_app("receive", str(source)).test_client()


def received() -> list[Any]:
    found: list[Any] = sys.modules["push_receiver"].received
    return found


def test_an_authenticated_push_becomes_a_cloud_event(client: Any) -> None:
    body = {
        "message": MESSAGE,
        "subscription": "projects/my-project/subscriptions/on-object-finalized",
        "deliveryAttempt": 2,
    }
    answer = client.post("/", json=body, headers={"Authorization": "Bearer token", "From": "noreply@google.com"})
    assert answer.status_code in (200, 204), answer.data
    [(kind, message)] = received()
    assert kind == "google.cloud.pubsub.topic.v1.messagePublished"
    photo = parse_object_finalized(message, bucket=STORED["bucket"])
    assert (photo.ref.bucket, photo.ref.name, photo.ref.generation) == (
        STORED["bucket"],
        STORED["name"],
        1700000000000001,
    )
    assert photo.size_bytes == 2000000
    assert message.publish_time.isoformat() == "2026-01-31T12:00:01.500000+00:00"


def test_both_formats_carry_the_same_message(client: Any) -> None:
    client.post("/", json={"message": MESSAGE, "subscription": "projects/p/subscriptions/s"})
    headers = {
        "ce-id": "123",
        "ce-source": "//pubsub.googleapis.com/projects/p/topics/photo-uploads",
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
    }
    client.post("/", json={"message": MESSAGE, "subscription": "projects/p/subscriptions/s"}, headers=headers)
    [(_, wrapped), (_, as_event)] = received()
    assert wrapped == as_event == parse_message({"message": MESSAGE})


def test_a_scheduled_message_without_attributes_is_accepted(client: Any) -> None:
    """Cloud Scheduler sends data without attributes; launch_workers ignores both, reconcile reads the data."""
    bare = {
        "data": base64.b64encode(b'{"full": true}').decode(),
        "messageId": "1",
        "publishTime": "2026-01-31T12:00:00Z",
    }
    answer = client.post("/", json={"message": bare, "subscription": "projects/p/subscriptions/reconcile"})
    assert answer.status_code in (200, 204), answer.data
    [(_, message)] = received()
    assert is_full_run(message)
