"""The log, as the functions write it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from photofinish.logs import JsonFormatter
from photofinish_functions.api.request_ids import AddRequestId


@contextmanager
def captured_log(level: int = logging.WARNING) -> Iterator[io.StringIO]:
    """Collect what is logged inside the block from `level` on: JSON lines, with the request ids of the API."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(AddRequestId())
    root = logging.getLogger()
    usual = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield written
    finally:
        root.removeHandler(handler)
        root.setLevel(usual)
