"""What all services share: their context, pages of a list, etags, and the operations they answer with."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import grpc
from google.longrunning import operations_pb2

from photofinish_emulators.common.serving import Method
from photofinish_emulators.common.sqlite_store import SqliteStore
from photofinish_emulators.run_jobs import names, resources, store
from photofinish_emulators.run_jobs.errors import Refused, invalid, unary
from photofinish_emulators.run_jobs.scheduler import Scheduler

DEFAULT_PAGE = 100
MAX_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What the project may use; 0 is without limit."""

    gpus: int
    starts_per_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a service works with. ``db`` only reads, on the event loop; writes go through ``store``."""

    store: SqliteStore
    db: sqlite3.Connection
    scheduler: Scheduler
    quotas: Quotas


def method(handler: Callable[[Any], Awaitable[Any]], request: Any, response: Any) -> Method:
    """A unary RPC; ``request`` and ``response`` are proto-plus types or raw protobuf classes."""
    return Method(unary(handler), _raw(request), _raw(response))


def _raw(message: Any) -> Any:
    return message.pb() if hasattr(message, "pb") else message


def page(
    db: sqlite3.Connection,
    request: Any,
    *,
    table: Literal["job", "execution", "task", "operation"],
    column: str,
    pattern: str,
    keys: tuple[str, ...],
    descending: bool,
) -> tuple[list[sqlite3.Row], str]:
    """One page of the rows of ``table`` whose ``column`` is ``pattern`` ("-" is any part), and the token of the next.

    A page begins behind the last ``keys`` of the one before, so rows that come or go between calls neither repeat nor
    hide others.
    """
    if request.page_size < 0:
        raise invalid(f"page_size {request.page_size}: must not be negative")
    size = min(request.page_size or DEFAULT_PAGE, MAX_PAGE)
    parameters: list[Any] = [_glob(pattern)]
    behind = ""
    if request.page_token:
        behind = f"AND ({', '.join(keys)}) {'<' if descending else '>'} ({', '.join('?' * len(keys))})"
        parameters += _read_token(request.page_token, pattern, len(keys))
    order = ", ".join(f"{key} DESC" if descending else key for key in keys)
    sql = f"SELECT * FROM {table} WHERE {column} GLOB ? {behind} ORDER BY {order} LIMIT ?"  # noqa: S608 - our own names
    found = store.rows(db, sql, (*parameters, size + 1))
    if len(found) <= size:
        return found, ""
    token = json.dumps([pattern, *(found[size - 1][key] for key in keys)])
    return found[:size], base64.urlsafe_b64encode(token.encode()).decode()


def _glob(pattern: str) -> str:
    parts = ["*" if part == "-" else part for part in pattern.split("/")]
    return "/".join(part if part == "*" else "".join(f"[{c}]" if c in "*?[" else c for c in part) for part in parts)


def _read_token(token: str, pattern: str, keys: int) -> list[Any]:
    try:
        asked, *values = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, TypeError):
        raise invalid("page_token: not one that this server gave") from None
    if asked != pattern or len(values) != keys:
        raise invalid("page_token: belongs to another list; all other parameters must stay the same")
    return list(values)


def check_etag(given: str, current: str, name: str) -> None:
    if given and given != current:
        raise Refused(
            grpc.StatusCode.ABORTED,
            f"Conflict for resource {name!r}: version {given} was specified but the current version is {current}.",
        )


def done(db: sqlite3.Connection, target: str, result: Any, *, keep: bool = True) -> operations_pb2.Operation:
    """An operation that is done already, with ``result``; recorded unless the call only validated."""
    operation = resources.operation(names.location(result.name), done=True, result=result, metadata=result)
    if keep:
        insert_operation(db, operation, target)
    return operation


def insert_operation(db: sqlite3.Connection, operation: operations_pb2.Operation, target: str) -> None:
    db.execute(
        "INSERT INTO operation (name, created, target, done, body) VALUES (?, ?, ?, ?, ?)",
        (operation.name, store.now(), target, operation.done, operation.SerializeToString()),
    )


def operation_named(db: sqlite3.Connection, name: str) -> operations_pb2.Operation:
    return operations_pb2.Operation.FromString(store.one(db, "operation", name)["body"])
