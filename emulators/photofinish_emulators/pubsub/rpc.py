"""How a handler fails: raise :class:`RpcError`, and the caller sees its gRPC code, sentence and details."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

Context = grpc.aio.ServicerContext[Any, Any]


class RpcError(Exception):
    """An answer that is not OK; the message is what the caller reads."""

    code = grpc.StatusCode.INTERNAL

    def __init__(self, message: str, error_info: error_details_pb2.ErrorInfo | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.error_info = error_info

    async def abort(self, context: Context) -> NoReturn:
        """End the call with this error; an ErrorInfo travels as ``google.rpc.Status`` details."""
        metadata: tuple[tuple[str, bytes], ...] = ()
        if self.error_info is not None:
            packed = any_pb2.Any()
            packed.Pack(self.error_info)
            status = status_pb2.Status(code=self.code.value[0], message=self.message, details=[packed])
            metadata = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(self.code, self.message, metadata)
        raise AssertionError("abort does not return")


class InvalidArgument(RpcError):
    code = grpc.StatusCode.INVALID_ARGUMENT


class NotFound(RpcError):
    code = grpc.StatusCode.NOT_FOUND

    def __init__(self, resource: str) -> None:
        super().__init__(f"Resource not found (resource={resource.rsplit('/', 1)[-1]}).")


class AlreadyExists(RpcError):
    code = grpc.StatusCode.ALREADY_EXISTS

    def __init__(self, resource: str) -> None:
        super().__init__(f"Resource already exists in the project (resource={resource.rsplit('/', 1)[-1]}).")


class FailedPrecondition(RpcError):
    code = grpc.StatusCode.FAILED_PRECONDITION


class Unimplemented(RpcError):
    code = grpc.StatusCode.UNIMPLEMENTED


class Unavailable(RpcError):
    code = grpc.StatusCode.UNAVAILABLE


class Aborted(RpcError):
    code = grpc.StatusCode.ABORTED


def invalid_ack_ids(reasons: Mapping[str, str]) -> InvalidArgument:
    """What an exactly-once subscription answers to acknowledgements that did not count, by acknowledgement id."""
    return InvalidArgument(
        "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have "
        "expired or the acknowledgement ids were malformed.",
        error_details_pb2.ErrorInfo(
            reason="EXACTLY_ONCE_ACKID_FAILURE", domain="pubsub.googleapis.com", metadata=reasons
        ),
    )


def disk_failed(error: sqlite3.Error) -> Unavailable:
    """What a caller hears whose write is not on disk; the server is about to stop."""
    return Unavailable(f"The server cannot write to its state directory: {error}.")


def unary(handler: Callable[[Any], Awaitable[Any]]) -> Callable[[Any, Context], Awaitable[Any]]:
    """A gRPC handler out of ``handler(request)``: an :class:`RpcError` becomes the status of the call."""

    async def call(request: Any, context: Context) -> Any:
        try:
            return await handler(request)
        except RpcError as error:
            await error.abort(context)
        except sqlite3.Error as error:
            await disk_failed(error).abort(context)

    return call


def refuse(sentence: str) -> Callable[[Any], Awaitable[Any]]:
    """A handler that answers UNIMPLEMENTED and says why."""

    async def handler(_request: Any) -> NoReturn:
        raise Unimplemented(sentence)

    return handler
