"""Pages of lists, read from the tables of the store."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from dataclasses import dataclass
from typing import Any, Literal

from photofinish_emulators.common.rpc_errors import invalid
from photofinish_emulators.run_jobs import store

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class _List:
    parent: str  # the column that is compared with the pattern
    keys: tuple[str, ...]  # the columns that order the list, unique together
    descending: bool = False


_LISTS = {
    "job": _List("name", ("name",)),
    "execution": _List("job", ("created", "name"), descending=True),
    "task": _List("execution", ("execution", "task_index")),
    "operation": _List("name", ("created", "name"), descending=True),
}


def page(
    db: sqlite3.Connection, request: Any, table: Literal["job", "execution", "task", "operation"], pattern: str
) -> tuple[list[sqlite3.Row], str]:
    """One page of the rows of ``table`` that match ``pattern`` ("-" is any part), and the token of the next page.

    A page starts after the last keys of the one before, so rows added or deleted between two calls neither repeat nor
    hide others.
    """
    if request.page_size < 0:
        raise invalid(f"page_size {request.page_size}: must not be negative")
    size = min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    listed = _LISTS[table]
    keys = ", ".join(listed.keys)
    parameters: list[Any] = [_glob(pattern)]
    after = ""
    if request.page_token:
        after = f"AND ({keys}) {'<' if listed.descending else '>'} ({', '.join('?' * len(listed.keys))})"
        parameters += _read_token(request.page_token, pattern, len(listed.keys))
    order = ", ".join(f"{key} DESC" if listed.descending else key for key in listed.keys)
    sql = f"SELECT * FROM {table} WHERE {listed.parent} GLOB ? {after} ORDER BY {order} LIMIT ?"  # noqa: S608 - our own names
    found = store.rows(db, sql, (*parameters, size + 1))
    if len(found) <= size:
        return found, ""
    token = json.dumps([pattern, *(found[size - 1][key] for key in listed.keys)])
    return found[:size], base64.urlsafe_b64encode(token.encode()).decode()


def _glob(pattern: str) -> str:
    parts = ["*" if part == "-" else part for part in pattern.split("/")]
    return "/".join(part if part == "*" else "".join(f"[{c}]" if c in "*?[" else c for c in part) for part in parts)


def _read_token(token: str, pattern: str, keys: int) -> list[Any]:
    try:
        token_pattern, *values = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, TypeError):
        raise invalid("page_token: not from this server") from None
    if token_pattern != pattern or len(values) != keys:
        raise invalid("page_token: belongs to another list; all other parameters must stay the same")
    return list(values)
