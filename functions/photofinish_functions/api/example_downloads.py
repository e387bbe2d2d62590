"""Examples of downloads for the OpenAPI document."""

from __future__ import annotations

from photofinish_functions.api.example_values import PHOTO, Json

NEW_DOWNLOAD: Json = {"photo_ids": [PHOTO["photo_id"]], "size": "web", "metadata": False}
DOWNLOAD: Json = {
    "url": "https://api.example.org/v1/downloads/Jx7cM2nYwq0kR3vT9uB5hL8eS1aD4fG6zXoPiNsVtQw",
    "size_bytes": None,
    "files": 1,
    "left_out": [],
    "expires_at": "2026-05-02T10:00:00Z",
}
