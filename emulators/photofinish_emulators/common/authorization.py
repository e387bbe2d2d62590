"""Serves each service account on a port of its own, and refuses the calls that it lacks a permission for."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import grpc
import grpc.aio
import typer

from photofinish_emulators.common.iam import Need, Policy, permission_denied
from photofinish_emulators.common.rpc_errors import Context, Refused

# Options of the commands.
IamFile = Annotated[
    Path | None, typer.Option("--iam", help="The permissions of each account (JSON); calls without one are refused.")
]
AccountPorts = Annotated[
    list[str] | None, typer.Option("--account", help="ACCOUNT=PORT, to which this account's processes connect.")
]


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a server needs to know its callers by their port and to check what they may."""

    policy: Policy
    ports: Mapping[str, int]
    """By account."""
    needs: Callable[[str, Any], Iterable[Need]]
    """The permissions that a request needs, from the method's name and the request."""
    words: Callable[[Need], str]
    """The message of the refusal."""

    def check(self, account: str, method: str, request: Any) -> None:
        """Raise Refused if `account` lacks a permission for the request."""
        missing = self.policy.first_missing(account, self.needs(method, request))
        if missing is not None:
            raise permission_denied(self.words(missing), missing, self.policy.email(account))


def read_options(
    iam: Path | None,
    accounts: list[str] | None,
    needs: Callable[[str, Any], Iterable[Need]],
    words: Callable[[Need], str],
) -> Authorization | None:
    """The authorization that a server's options describe; None: only the owner's port is served."""
    if iam is None:
        return None
    ports = dict(pair.split("=", 1) for pair in accounts or ())
    return Authorization(Policy.read(iam), {name: int(port) for name, port in ports.items()}, needs, words)


class Authorize(grpc.aio.ServerInterceptor):
    """Checks every request of one account before the handler sees it, those of streams one by one."""

    def __init__(self, authorization: Authorization, account: str) -> None:
        self._authorization = authorization
        self._account = account

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        if handler is None:
            return None
        method = details.method.rsplit("/", 1)[-1]

        def check(request: Any) -> None:
            self._authorization.check(self._account, method, request)

        return _checked(handler, check)


def _checked(handler: Any, check: Callable[[Any], None]) -> Any:
    """The same handler, which first checks each request."""
    codecs = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(_stream_stream(handler.stream_stream, check), **codecs)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(_unary_stream(handler.unary_stream, check), **codecs)
    if handler.request_streaming:
        raise NotImplementedError("no server has a method that streams requests only")
    return grpc.unary_unary_rpc_method_handler(_unary_unary(handler.unary_unary, check), **codecs)


def _unary_unary(call: Any, check: Callable[[Any], None]) -> Any:
    async def handle(request: Any, context: Context) -> Any:
        try:
            check(request)
        except Refused as refused:
            await refused.abort(context)
        return await call(request, context)

    return handle


def _unary_stream(call: Any, check: Callable[[Any], None]) -> Any:
    async def handle(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            check(request)
        except Refused as refused:
            await refused.abort(context)
        async for response in call(request, context):
            yield response

    return handle


def _stream_stream(call: Any, check: Callable[[Any], None]) -> Any:
    async def checked(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            check(request)  # handlers take a Refused of their requests as their own
            yield request

    async def respond(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        async for response in call(checked(requests), context):
            yield response

    async def write(requests: AsyncIterator[Any], context: Context) -> None:
        await call(checked(requests), context)

    return respond if inspect.isasyncgenfunction(call) else write
