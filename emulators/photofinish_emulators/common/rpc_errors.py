"""Errors of RPCs: code below a handler raises `Refused`, and the client receives its gRPC status."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.message import Message
from google.rpc import status_pb2

Context = grpc.aio.ServicerContext[Any, Any]


class Refused(Exception):
    """The call fails with this gRPC status; ``detail`` travels in the details of its ``google.rpc.Status``."""

    def __init__(self, code: grpc.StatusCode, message: str, detail: Message | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self._detail = detail

    @property
    def status(self) -> Any:
        """The same as a ``google.rpc.Status``."""
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        if self._detail is not None:
            status.details.add().Pack(self._detail)
        return status

    async def abort(self, context: Context) -> NoReturn:
        """End the call with this error."""
        details = (("grpc-status-details-bin", self.status.SerializeToString()),) if self._detail is not None else ()
        await context.abort(self.code, self.message, details)
        raise AssertionError("abort does not return")


invalid = partial(Refused, grpc.StatusCode.INVALID_ARGUMENT)
not_found = partial(Refused, grpc.StatusCode.NOT_FOUND)
already_exists = partial(Refused, grpc.StatusCode.ALREADY_EXISTS)
failed_precondition = partial(Refused, grpc.StatusCode.FAILED_PRECONDITION)
aborted = partial(Refused, grpc.StatusCode.ABORTED)
permission_denied = partial(Refused, grpc.StatusCode.PERMISSION_DENIED)
unauthenticated = partial(Refused, grpc.StatusCode.UNAUTHENTICATED)
resource_exhausted = partial(Refused, grpc.StatusCode.RESOURCE_EXHAUSTED)
unimplemented = partial(Refused, grpc.StatusCode.UNIMPLEMENTED)
unavailable = partial(Refused, grpc.StatusCode.UNAVAILABLE)


def unary(call: Callable[[Any], Awaitable[Any]]) -> Callable[[Any, Context], Awaitable[Any]]:
    """Make a gRPC handler of a coroutine function that takes the request and returns the response."""

    async def handle(request: Any, context: Context) -> Any:
        try:
            return await call(request)
        except Refused as refused:
            await refused.abort(context)

    return handle


def streaming(call: Callable[[Any], AsyncGenerator[Any]]) -> Callable[[Any, Context], AsyncGenerator[Any]]:
    """Make a gRPC handler of a generator that takes the request, or the stream of requests, and yields responses."""

    async def handle(request: Any, context: Context) -> AsyncGenerator[Any]:
        try:
            async with aclosing(call(request)) as responses:
                async for response in responses:
                    yield response
        except Refused as refused:
            await refused.abort(context)

    return handle
