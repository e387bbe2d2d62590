"""What the search functions answer: JSON; errors are ``{"error": {"code", "message"}}`` with their HTTP status."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask import Request, Response
from werkzeug.exceptions import HTTPException

from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.errors import RejectedInput, Unavailable
from photofinish_functions.api_keys import ApiKeys, presented_key
from photofinish_functions.refused import Refused

__all__ = ["Refused"]

log = logging.getLogger(__name__)
RETRY_AFTER_S = 5
_DIGITS = 6
_HEADERS = {
    # Answers tell where somebody was: nobody between us and the caller keeps them.
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


def respond(request: Request, *, method: str, api_keys: ApiKeys, answer: Callable[[], Mapping[str, Any]]) -> Response:
    """Check key and method, then send `answer()`, or the error that it raises.

    Nothing of the request is read before its key was accepted. Never raises: an error of ours is logged and answered
    with 500.
    """
    try:
        key = presented_key(request.headers)
        if key is None or not api_keys.accept(key):
            raise unauthorized()
        if request.method != method:
            raise method_not_allowed(method)
        return json_response(200, answer())
    except Refused as refusal:
        return error_response(refusal)
    except RejectedInput as rejection:
        return error_response(Refused(422, rejection.code, rejection.message))
    except Unavailable as error:
        log.warning("search is unavailable: %s", error)
        return error_response(unavailable())
    except HTTPException as error:  # from reading the body
        return error_response(Refused(error.code or 400, "bad_request", "The request's body cannot be read."))
    except Exception:
        log.exception("search failed")
        return error_response(Refused(500, "internal", "Something went wrong here. It was recorded."))


def json_response(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """`body` as JSON, with the security headers that every answer carries."""
    text = json.dumps(body, allow_nan=False) + "\n"
    return Response(text, status, {**_HEADERS, **(headers or {})}, mimetype="application/json")


def error_response(refusal: Refused) -> Response:
    error = {"code": refusal.code, "message": refusal.message}
    return json_response(refusal.status, {"error": error}, refusal.headers)


def bad_request(message: str) -> Refused:
    return Refused(400, "bad_request", message)


def unauthorized() -> Refused:
    # The same for a wrong key and for none.
    return Refused(
        401,
        "unauthorized",
        "Send a valid API key as 'Authorization: Bearer KEY' or 'X-Api-Key: KEY'.",
        {"WWW-Authenticate": "Bearer"},
    )


def unknown_album() -> Refused:
    return Refused(404, "unknown_album", "There is no album of this name, or no photo of it was analysed yet.")


def method_not_allowed(allowed: str) -> Refused:
    return Refused(405, "method_not_allowed", f"Use {allowed}.", {"Allow": allowed})


def too_large(what: str, max_bytes: int) -> Refused:
    return Refused(413, "too_large", f"{what} is too large: at most {max_bytes // 2**20} MiB are taken.")


def unavailable() -> Refused:
    return Refused(
        503, "unavailable", "The search cannot be done right now. Try again.", {"Retry-After": str(RETRY_AFTER_S)}
    )


def photo_json(photo: PhotoRef) -> dict[str, Any]:
    return {
        "bucket": photo.bucket,
        "name": photo.name,
        "generation": photo.generation,
        "photo_id": photo.photo_id,
    }


def box_json(box: Box) -> list[float]:
    """`[x, y, w, h]` as fractions of the upright image."""
    return [round(value, _DIGITS) for value in (box.x, box.y, box.w, box.h)]


def score_json(score: float) -> float:
    return round(score, _DIGITS)
