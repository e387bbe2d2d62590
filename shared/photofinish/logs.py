"""Structured logs of functions and jobs: one JSON object per line, with the field names of Cloud Logging."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any


class JsonFormatter(logging.Formatter):
    """``severity``, ``time``, ``logger``, ``message`` and what :func:`fields` adds; never biometric data."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "severity": record.levelname,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update(getattr(record, "fields", {}))
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def fields(**values: Any) -> dict[str, Any]:
    """Return the `extra` of a log call: ``log.info("committed", extra=fields(photo_id=...))``."""
    return {"fields": values}


def log_json() -> None:
    """Write records from INFO to standard error as JSON lines; verbose libraries only from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for verbose in ("werkzeug", "google", "urllib3"):
        logging.getLogger(verbose).setLevel(logging.WARNING)
