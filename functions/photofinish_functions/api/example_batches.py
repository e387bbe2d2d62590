"""Examples of batches for the OpenAPI document."""

from __future__ import annotations

from photofinish_functions.api.example_values import ALBUM, PHOTO, Json

BATCH_ID = "5d1f6c0e-2b7a-4c39-9f58-1e0a6b4d7c23"
BATCH: Json = {
    "batch_id": BATCH_ID,
    "album": ALBUM,
    "state": "open",
    "created_at": "2026-05-01T10:00:00Z",
    "expires_at": "2026-05-08T10:00:00Z",
    "ended_at": None,
    "files": 1000,
    "counts": {"awaited": 420, "queued": 31, "done": 547, "rejected": 2, "failed": 0},
    "results_per_s": 4.75,
    "remaining_s": 94.9,
}
FILE_TO_UPLOAD: Json = {"name": "cam2/IMG_1.jpg", "size": 4816312, "content_type": "image/jpeg", "crc32c": "n03x6A=="}
FILE_UPLOAD: Json = {
    "name": "cam2/IMG_1.jpg",
    "photo_id": PHOTO["photo_id"],
    "upload": {
        "url": f"https://storage.googleapis.com/my-project-photos/{ALBUM}/cam2/IMG_1.jpg?X-Goog-Algorithm=…",
        "method": "POST",
        "headers": {
            "Content-Type": "image/jpeg",
            "x-goog-resumable": "start",
            "x-goog-content-length-range": "4816312,4816312",
            "x-goog-if-generation-match": "0",
            "x-goog-meta-announced-size": "4816312",
            "x-goog-meta-announced-crc32c": "n03x6A==",
        },
        "expires_at": "2026-05-01T22:00:00Z",
    },
}
CREATED_BATCH: Json = {
    "batch": BATCH,
    "uploads": [FILE_UPLOAD],
    "poll_url": f"/v1/albums/{ALBUM}/batches/{BATCH_ID}",
}
BATCH_PAGE: Json = {
    "batch": BATCH,
    "files": [
        {
            "name": "cam2/IMG_2.jpg",
            "photo_id": PHOTO["photo_id"],
            "size": 4816312,
            "status": "rejected",
            "changed_at": "2026-05-01T10:00:07Z",
            "error": {
                "code": "not_as_announced",
                "message": "The file has 12 bytes, but 4,816,312 were announced. Delete the photo and upload it again.",
            },
            "duplicate_of": None,
            "upload": None,
        }
    ],
    "next_cursor": None,
}
