"""Headers for browsers: which origins may read answers (CORS), and that answers are not cached, framed or sniffed."""

from __future__ import annotations

import re
from collections.abc import Collection

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from photofinish_functions.api.idempotency import HEADER as IDEMPOTENCY_KEY
from photofinish_functions.api.idempotency import REPLAYED_HEADER as REPLAYED
from photofinish_functions.api.request_ids import HEADER as REQUEST_ID
from photofinish_functions.api.request_ids import request_id

_SECURITY_HEADERS = {
    # Answers reveal where people were: no proxy may cache them.
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-site",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
_ALLOWED_HEADERS = f"Authorization, Content-Type, {IDEMPOTENCY_KEY}, X-Api-Key, {REQUEST_ID}"
_EXPOSED_HEADERS = f"{REPLAYED}, {REQUEST_ID}, Retry-After"
_PREFLIGHT_AGE_S = 600


def is_allowed(origin: str | None, cors_origins: Collection[str]) -> bool:
    """Whether `cors_origins` contain this origin: exactly, or as `http://localhost:*`, which means every port."""
    if origin is None:
        return False
    without_port = re.sub(r":[0-9]+$", "", origin)
    return origin in cors_origins or f"{without_port}:*" in cors_origins


def add_headers(app: Flask, cors_origins: Collection[str]) -> None:
    """Add security headers and the request id to every answer, and CORS headers for pages of `cors_origins`.

    Keys and tokens are sent in headers, never in cookies, so credentials are not allowed across origins.
    """

    @app.before_request
    def preflight() -> Response | None:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        answer = Response(status=204)
        del answer.headers["Content-Type"]
        allowed = is_allowed(request.headers.get("Origin"), cors_origins)
        if allowed and not isinstance(request.routing_exception, HTTPException):
            methods = sorted(set(request.url_rule.methods or ()) if request.url_rule else ())
            answer.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
            answer.headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
            answer.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_AGE_S)
        return answer

    @app.after_request
    def headers(answer: Response) -> Response:
        for name, value in _SECURITY_HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers[REQUEST_ID] = request_id()
        if cors_origins:
            answer.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin is not None and is_allowed(origin, cors_origins):
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
            answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer
