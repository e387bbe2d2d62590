"""Request ids: in the answer, the audit entry and every log line of a request."""

from __future__ import annotations

import logging
import re
import time
import uuid

from flask import Flask, Response, g, has_request_context, request

from photofinish.logs import fields

log = logging.getLogger(__name__)
HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


def request_id() -> str:
    """Return the id of the current request: the caller's if it is well-formed, or a new one."""
    if "request_id" not in g:
        sent = request.headers.get(HEADER, "")
        g.request_id = sent if _WELL_FORMED.fullmatch(sent) else uuid.uuid4().hex
    found: str = g.request_id
    return found


def log_requests(app: Flask) -> None:
    """Log one line per request: method, route, status and duration; nothing of its content."""

    @app.before_request
    def start() -> None:
        g.started_at = time.perf_counter()
        request_id()

    @app.after_request
    def log_request(answer: Response) -> Response:
        rule = request.url_rule.rule if request.url_rule else None
        duration_ms = round((time.perf_counter() - g.started_at) * 1000, 1)
        log.info(
            "answered",
            extra=fields(method=request.method, route=rule, status=answer.status_code, duration_ms=duration_ms),
        )
        return answer


class AddRequestId(logging.Filter):
    """Adds the request id to the fields of every record that is logged during a request of the API."""

    def filter(self, record: logging.LogRecord) -> bool:
        if has_request_context() and "request_id" in g:
            record.fields = {**getattr(record, "fields", {}), "request_id": g.request_id}
        return True
