"""Examples of subscriptions for the OpenAPI document, by operation id."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]
SUBSCRIPTION: Final[Json] = {
    "channel": "email",
    "address": "ada@example.org",
    "language": "en",
    "text_version": "2026-03",
}
_MADE: Final[Json] = {
    "subscription_id": "2f6b0c1d-9e8a-4f7b-8c3d-5a4b3c2d1e0f",
    "channel": "email",
    "language": "en",
    "bib": "1234",
    "person_id": None,
    "selfies": 1,
    "text_version": "2026-03",
    "created_at": "2026-05-01T09:00:00Z",
    "confirmed_at": None,
    "ends_at": "2026-06-30T23:59:59.999999Z",
}
SUBSCRIPTION_ANSWERS: Final[dict[str, Json]] = {
    "subscribe": {"subscription": _MADE, "secret": None},
    "list_subscriptions": {"channels": ["email", "fcm"], "subscriptions": [_MADE], "next_cursor": None},
    "show_subscription": _MADE | {"confirmed_at": "2026-05-01T09:02:11Z"},
    "count_subscriptions": {
        "counts": [
            {"channel": "email", "is_confirmed": False, "subscriptions": 12},
            {"channel": "email", "is_confirmed": True, "subscriptions": 231},
        ]
    },
}
