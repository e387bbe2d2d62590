"""``GET /?album=A&number=N&limit=K``: the photos of an album in which this bib number was read, best read first."""

from __future__ import annotations

from typing import Any

from flask import Request, Response

from photofinish.ports import FaceIndex
from photofinish_functions.api_keys import ApiKeys
from photofinish_functions.http_answers import box_json, photo_json, respond, score_json, unknown_album
from photofinish_functions.http_parameters import Fields, album_in, bib_number_in, limit_in


def find_by_bib(request: Request, *, index: FaceIndex, api_keys: ApiKeys) -> Response:
    """Answer ``{"album", "matches": [{"photo", "number", "ocr_score", "box", "face_id"}]}``, one entry per photo."""
    return respond(request, method="GET", api_keys=api_keys, answer=lambda: _find(request.args, index))


def _find(fields: Fields, index: FaceIndex) -> dict[str, Any]:
    album, number, limit = album_in(fields), bib_number_in(fields), limit_in(fields)
    matches = index.find_bib(album, number, limit=limit)
    if not matches and not index.has_album(album):
        raise unknown_album()
    return {
        "album": album,
        "matches": [
            {
                "photo": photo_json(match.photo),
                "number": match.number,
                "ocr_score": score_json(match.ocr_score),
                "box": box_json(match.box),
                "face_id": match.face_id,
            }
            for match in matches
        ],
    }
