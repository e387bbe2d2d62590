"""Examples of cards, shares, sessions and feedback for the OpenAPI document, by operation id."""

from __future__ import annotations

from typing import Final

from photofinish_functions.api.example_values import ALBUM, FACE, OTHER_FACE, PHOTO, Json

CARD: Final[Json] = {
    "title": "Spring 10k 2026",
    "held_on": "2026-05-01",
    "watermark": {"text": "© Spring 10k"},
    "downloads": "web",
}
_SHARE: Final[Json] = {
    "share_id": "6f0b3a52-8c1d-4f7e-9a20-5b6c7d8e9f01",
    "label": "Poster at the finish",
    "may": "find",
    "downloads": "web",
    "has_pin": True,
    "expires_at": "2026-08-02T00:00:00Z",
    "revoked_at": None,
    "created_at": "2026-04-30T18:00:00Z",
}
_IN_LINK = "k5xvw3zq2m7hn4tjd6r3cyab5fgpo2le"
_SESSION_ENDS_AT = "2026-05-08T10:00:00Z"

SHARING_BODIES: Final[dict[str, Json]] = {
    "set_album_card": {"all": CARD, "defaults": {}},
    "create_share": {
        "poster": {"label": "Poster at the finish", "expires_on": "2026-08-01", "may": "find", "pin": "204816"},
        "team": {"expires_at": "2026-05-03T18:00:00Z", "may": "browse", "downloads": "original"},
        "defaults": {},
    },
    "open_share": {"with_a_PIN": {"token": _IN_LINK, "pin": "204816"}, "without": {"token": _IN_LINK}},
    "start_session": {
        "with_a_key": {"api_key": "pf_KEYID_SECRET"},
        "with_Firebase": {"id_token": "HEADER.CLAIMS.SIGNATURE"},
    },
    "give_feedback": {
        "yes": {"photo_id": PHOTO["photo_id"], "face_id": FACE, "is_me": True},
        "no": {"photo_id": PHOTO["photo_id"], "face_id": OTHER_FACE, "is_me": False},
    },
}
SHARING_ANSWERS: Final[dict[str, Json]] = {
    "set_album_card": CARD | {"album": ALBUM},
    "create_share": _SHARE
    | {"url": f"https://photos.example.org/s/{_IN_LINK}", "qr_svg": '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'},
    "list_shares": {"shares": [_SHARE]},
    "open_share": {
        "album": ALBUM,
        "title": CARD["title"],
        "held_on": CARD["held_on"],
        "may": "find",
        "downloads": "web",
        "expires_at": _SHARE["expires_at"],
        "session_token": "pfs_SECRET",
        "session_expires_at": _SESSION_ENDS_AT,
    },
    "start_session": {"scope": "admin", "albums": [ALBUM], "expires_at": "2026-05-01T22:00:00Z"},
    "show_session": {
        "kind": "share",
        "scope": "search",
        "albums": [ALBUM],
        "share": {
            "share_id": _SHARE["share_id"],
            "album": ALBUM,
            "may": "find",
            "downloads": "web",
            "expires_at": _SHARE["expires_at"],
        },
        "expires_at": _SESSION_ENDS_AT,
    },
    "list_feedback": {
        "faces": [
            {
                "photo_id": PHOTO["photo_id"],
                "face_id": FACE,
                "yes": 2,
                "no": 0,
                "last_at": "2026-05-01T12:30:00Z",
            }
        ],
        "next_cursor": None,
    },
}
