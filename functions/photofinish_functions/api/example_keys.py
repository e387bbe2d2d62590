"""Examples of keys and the audit for the OpenAPI document, by operation id."""

from __future__ import annotations

from typing import Final

from photofinish_functions.api.example_values import ALBUM, PHOTO, Json

_KEY_ID = "s2dyelaxvljdzcrm"
_KEY: Final[Json] = {
    "key_id": _KEY_ID,
    "label": "Spring 10k app",
    "scope": "search",
    "albums": [ALBUM],
    "rate": {"per_second": 20, "burst": 60},
    "vectors": False,
    "state": "valid",
    "created_at": "2026-04-30T18:00:00Z",
    "expires_at": "2026-07-29T18:00:00Z",
    "revoked_at": None,
    "last_used_at": "2026-05-01T10:00:00Z",
}

KEY_BODIES: Final[dict[str, Json]] = {
    "create_key": {
        "app": {
            "label": "Spring 10k app",
            "albums": [ALBUM],
            "expires_at": "2036-07-29T18:00:00Z",
            "rate": {"per_second": 20, "burst": 60},
        },
        "backend": {"label": "Backend", "albums": None, "scope": "admin", "never_expires": True},
    },
}
KEY_ANSWERS: Final[dict[str, Json]] = {
    "list_keys": {"keys": [_KEY]},
    "create_key": _KEY | {"last_used_at": None, "key": f"pf_{_KEY_ID}_SECRET"},
    "list_audit": {
        "entries": [
            {
                "at": "2026-05-01T10:15:00Z",
                "principal": "key",
                "principal_id": _KEY_ID,
                "action": "show_photo",
                "album": ALBUM,
                "target": PHOTO["photo_id"],
                "outcome": "200",
                "network": "203.0.113.0/24",
                "count": None,
                "request_id": "0af7651916cd43dd8448eb211c80319c",
            }
        ],
        "next_cursor": None,
    },
}
