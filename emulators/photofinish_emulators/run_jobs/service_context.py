"""What every service of the server works with, and how its methods are declared."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from photofinish_emulators.common.rpc_errors import unary
from photofinish_emulators.common.serving import Method
from photofinish_emulators.common.sqlite_store import SqliteStore
from photofinish_emulators.run_jobs.quotas import Quotas
from photofinish_emulators.run_jobs.scheduler import Scheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """``db`` is a connection for reading on the event loop; writes go through ``store``; ``quotas`` may change."""

    store: SqliteStore
    db: sqlite3.Connection
    scheduler: Scheduler
    quotas: Callable[[], Quotas]


def method(call: Callable[[Any], Awaitable[Any]], request: Any, response: Any) -> Method:
    """A unary RPC; ``request`` and ``response`` are proto-plus types or raw protobuf classes."""
    return Method(unary(call), _raw(request), _raw(response))


def _raw(message: Any) -> Any:
    return message.pb() if hasattr(message, "pb") else message
