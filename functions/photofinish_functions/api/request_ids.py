"""Every request has an id: in its answer, in its audit entry, and in every line that is logged for it."""

from __future__ import annotations

import logging
import re
import uuid

from flask import g, has_request_context, request

HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


def request_id() -> str:
    """The id of the request that is being answered: its own where that is well-formed, else a new one."""
    if "request_id" not in g:
        offered = request.headers.get(HEADER, "")
        g.request_id = offered if _WELL_FORMED.fullmatch(offered) else uuid.uuid4().hex
    found: str = g.request_id
    return found


class AddRequestId(logging.Filter):
    """Adds the id to the fields of every record that is logged while a request of the API is answered."""

    def filter(self, record: logging.LogRecord) -> bool:
        if has_request_context() and "request_id" in g:
            record.fields = {**getattr(record, "fields", {}), "request_id": g.request_id}
        return True
