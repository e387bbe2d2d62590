"""Notifications of the local storage have the form that the documentation gives."""

from __future__ import annotations

import json

import pytest

from photofinish_emulators.storage_events import ARCHIVE, DELETE, FINALIZE, BucketEvents, as_documented

URL = "http://127.0.0.1:4443"
# https://docs.cloud.google.com/storage/docs/pubsub-notifications#attributes, without those of overwritten objects
ATTRIBUTES = {
    *("notificationConfig", "eventType", "payloadFormat", "bucketId", "objectId", "objectGeneration", "eventTime")
}
SENT = {  # as fake-gcs-server 1.54 does
    "bucketId": "photos",
    "eventTime": "2026-11-29T20:26:37Z",
    "objectGeneration": "1795983997892275",
    "payloadFormat": "JSON_API_V1",
    "objectId": "race/ä b.jpg",
}
PAYLOAD = {
    "kind": "storage#object",
    "id": "photos/race/ä b.jpg#1795983997892275",
    "name": "race/ä b.jpg",
    "bucket": "photos",
    "generation": "1795983997892275",
    "timeCreated": "2026-11-29T20:26:37.892267Z",
    "size": "1",
}


@pytest.mark.parametrize(
    ("event", "versioned", "types", "sent"),
    [
        (FINALIZE, False, (), FINALIZE),
        (FINALIZE, True, (), FINALIZE),
        (DELETE, False, (), DELETE),
        (DELETE, True, (), ARCHIVE),
        (DELETE, True, (FINALIZE, DELETE), None),  # the photo bucket: an archived object sends nothing
        (DELETE, True, (ARCHIVE,), ARCHIVE),
        (DELETE, False, (FINALIZE,), None),
        (FINALIZE, True, (FINALIZE, DELETE), FINALIZE),
    ],
)
def test_which_event_is_sent(event: str, versioned: bool, types: tuple[str, ...], sent: str | None) -> None:
    bucket = BucketEvents(topic="t", versioned=versioned, types=frozenset(types))
    documented = as_documented(SENT | {"eventType": event}, json.dumps(PAYLOAD).encode(), bucket, URL)
    assert (documented and documented[0]["eventType"]) == sent


def test_attributes_and_payload_are_complete() -> None:
    attributes = SENT | {"eventType": FINALIZE, "overwroteGeneration": "1"}
    documented = as_documented(attributes, json.dumps(PAYLOAD).encode(), BucketEvents(topic="t"), URL)
    assert documented is not None
    assert set(documented[0]) == ATTRIBUTES | {"overwroteGeneration"}
    assert documented[0]["notificationConfig"] == "projects/_/buckets/photos/notificationConfigs/1"
    payload = json.loads(documented[1])
    assert payload == PAYLOAD | {
        "id": "photos/race/ä b.jpg/1795983997892275",
        "selfLink": f"{URL}/storage/v1/b/photos/o/race%2F%C3%A4%20b.jpg",
        "mediaLink": f"{URL}/download/storage/v1/b/photos/o/race%2F%C3%A4%20b.jpg"
        "?generation=1795983997892275&alt=media",
        "metageneration": "1",
        "timeStorageClassUpdated": "2026-11-29T20:26:37.892267Z",
    }
