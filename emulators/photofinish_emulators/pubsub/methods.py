"""The methods of a gRPC service, from a table of its calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from google.protobuf import empty_pb2

from photofinish_emulators.common import rpc_errors
from photofinish_emulators.common.rpc_errors import Context
from photofinish_emulators.common.serving import Method
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.errors import disk_failed

Call = Callable[[Any], Awaitable[Any]]


def methods(calls: Mapping[str, tuple[Call, str, str | None]]) -> dict[str, Method]:
    """Unary methods by name, from the call and the names of its request and response message (None: ``Empty``)."""
    return {
        name: Method(unary(call), protos.named(request), protos.named(response) if response else empty_pb2.Empty)
        for name, (call, request, response) in calls.items()
    }


def unary(call: Call) -> Callable[[Any, Context], Awaitable[Any]]:
    """`rpc_errors.unary` for calls that write to disk."""

    async def write(request: Any) -> Any:
        try:
            return await call(request)
        except sqlite3.Error as error:
            raise disk_failed(error) from error

    return rpc_errors.unary(write)
