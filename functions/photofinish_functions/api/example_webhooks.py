"""Examples of webhooks for the OpenAPI document, by operation id; those for all albums end in `_of_all`."""

from __future__ import annotations

import json
from typing import Any, Final

from photofinish_functions.api.example_values import ALBUM, EVENT

Json = dict[str, Any]
_WEBHOOK: Final[Json] = {
    "webhook_id": "4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b",
    "album": ALBUM,
    "url": "https://hooks.example.org/photofinish",
    "event_types": ["photo.done", "photo.rejected"],
    "filter": {
        "folder": "cam2", "camera": None, "photo_id": None, "person_id": None, "bib": None, "batch_id": None,
    },
    "description": "the results app",
    "signature": "v1",
    "enabled": True,
    "disabled_reason": None,
    "disabled_at": None,
    "failing_since": None,
    "paused_until": None,
    "secrets": [
        {"secret_id": "8e2f1a3b-4c5d-4e6f-8a7b-9c0d1e2f3a4b", "created_at": "2026-05-01T07:00:00Z", "public_key": None},
    ],
    "created_at": "2026-05-01T07:00:00Z",
}  # fmt: skip
_NEW_SECRET: Final[Json] = {
    "webhook": _WEBHOOK,
    "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazqRHK+2WnY=",
}
_DELIVERED: Final[Json] = {
    "delivery_id": 4711,
    "message_id": EVENT["id"],
    "type": "photofinish.photo.done",
    "state": "delivered",
    "attempts": 1,
    "created_at": "2026-05-01T10:00:04Z",
    "started_at": "2026-05-01T10:00:04Z",
    "next_attempt_at": None,
}
_PENDING: Final[Json] = _DELIVERED | {"state": "pending", "attempts": 0, "next_attempt_at": "2026-05-01T10:00:04Z"}
_ATTEMPT: Final[Json] = {
    "at": "2026-05-01T10:00:05Z",
    "url": _WEBHOOK["url"],
    "duration_ms": 87,
    "status": 204,
    "error": None,
    "answer": "",
}


def _answers(webhook: Json) -> dict[str, Json]:
    return {
        "list_webhooks": {"webhooks": [webhook]},
        "add_webhook": _NEW_SECRET | {"webhook": webhook},
        "show_webhook": webhook,
        "change_webhook": webhook,
        "add_webhook_secret": _NEW_SECRET | {"webhook": webhook},
        "test_webhook": _PENDING | {"type": "photofinish.webhook.test"},
        "list_webhook_deliveries": {"deliveries": [_DELIVERED], "next_cursor": None},
        "show_webhook_delivery": {"delivery": _DELIVERED, "body": json.dumps(EVENT), "attempts": [_ATTEMPT]},
        "replay_webhook_delivery": _PENDING,
        "replay_webhook": {"deliveries": 1000, "next_cursor": "WyI5ZjJjN2UwYTFiNGQ2ODg1Iiw0NzExXQ"},
    }


_BODIES: Final[dict[str, Json]] = {
    "add_webhook": {
        "results_of_one_folder": {name: _WEBHOOK[name] for name in ("url", "event_types", "description")}
        | {"filter": {"folder": "cam2"}},
        "signed_by_a_key_pair": {"url": _WEBHOOK["url"], "signature": "v1a"},
    },
    "change_webhook": {"disable": {"enabled": False}, "all_types": {"event_types": None}},
    "replay_webhook": {"since_noon": {"occurred_from": "2026-05-01T12:00:00Z"}},
}
WEBHOOK_ANSWERS: Final[dict[str, Json]] = _answers(_WEBHOOK) | {
    f"{operation}_of_all": answer for operation, answer in _answers(_WEBHOOK | {"album": None}).items()
}
WEBHOOK_BODIES: Final[dict[str, Json]] = _BODIES | {
    f"{operation}_of_all": examples for operation, examples in _BODIES.items()
}
