"""What Cloud Storage's notifications look like, made of those that fake-gcs-server sends.

https://docs.cloud.google.com/storage/docs/pubsub-notifications (event types and attributes) and
https://docs.cloud.google.com/storage/docs/json_api/v1/objects (the payload, format JSON_API_V1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

FINALIZE, DELETE, ARCHIVE = "OBJECT_FINALIZE", "OBJECT_DELETE", "OBJECT_ARCHIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketEvents:
    """A notification configuration of a bucket: where events go, and which (empty: all)."""

    topic: str
    versioned: bool = False
    types: frozenset[str] = frozenset()
    config_id: int = 1


def as_documented(
    attributes: Mapping[str, str], payload: bytes, bucket: BucketEvents, storage_url: str
) -> tuple[dict[str, str], bytes] | None:
    """The attributes and payload that the real service sends for an event, or None if it sends none.

    In a bucket with versions, an object that is deleted or overwritten becomes noncurrent: OBJECT_ARCHIVE. This server
    keeps no versions, so what deletes one for good (OBJECT_DELETE) never happens there.
    """
    event = attributes["eventType"]
    if event == DELETE and bucket.versioned:
        event = ARCHIVE
    if bucket.types and event not in bucket.types:
        return None
    name = attributes["bucketId"]
    described = json.loads(payload)
    described |= _more(described, storage_url)
    config = f"projects/_/buckets/{name}/notificationConfigs/{bucket.config_id}"
    sent = {**attributes, "eventType": event, "notificationConfig": config}
    return sent, json.dumps(described, ensure_ascii=False).encode()


def _more(described: Mapping[str, str], storage_url: str) -> dict[str, str]:
    """Fields that fake-gcs-server leaves out, or has in another form."""
    bucket, name, generation = described["bucket"], described["name"], described["generation"]
    path = f"storage/v1/b/{bucket}/o/{quote(name, safe='')}"
    return {
        "id": f"{bucket}/{name}/{generation}",
        "selfLink": f"{storage_url}/{path}",
        "mediaLink": f"{storage_url}/download/{path}?generation={generation}&alt=media",
        "metageneration": described.get("metageneration", "1"),
        "timeStorageClassUpdated": described["timeCreated"],
    }
