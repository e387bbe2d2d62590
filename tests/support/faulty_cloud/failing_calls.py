"""Proxies that answer some calls of a server with an error: before it sees the call, or instead of its answer."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc
from aiohttp import web

from photofinish_emulators.storage_access.forwarding import Upstream, connected

_HOST = "127.0.0.1"
_GRPC_ERRORS = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)
_HTTP_ERRORS = (503, 503, 500, 502, 504, 429)
_OWN_METADATA = ("grpc-", "content-type", "te", "user-agent", ":")
_UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class FailingCalls:
    """Serves on a port of its own, in a thread, until it is closed."""

    def __init__(self, server: int, share: float, seed: int, *, is_grpc: bool) -> None:
        """`server`: the port of the server; `share`: of the calls that fail."""
        self.port = 0
        self.failed = 0
        """Calls that were answered with an error."""
        self._share = share
        self._dice = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="failing-calls", daemon=True)
        self._thread.start()
        self._running = AsyncExitStack()
        self._do(self._serve_grpc(server) if is_grpc else self._serve_http(server))

    def close(self) -> None:
        self._do(self._running.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Awaitable[None]) -> None:
        async def awaited() -> None:
            await work

        asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()

    def _fails(self) -> str:
        """When the next call fails: "" (it does not), "before" or "after"."""
        if self._dice.random() >= self._share:
            return ""
        self.failed += 1
        return self._dice.choice(("before", "after"))

    async def _serve_grpc(self, server: int) -> None:
        channel = await self._running.enter_async_context(
            grpc.aio.insecure_channel(f"{_HOST}:{server}", options=_UNLIMITED)
        )
        calls, proxy = self, grpc.aio.server(options=_UNLIMITED)

        class AnyMethod(grpc.GenericRpcHandler):
            def service(self, details: Any) -> Any:
                async def behave(requests: Any, context: Any) -> AsyncIterator[bytes]:
                    async for answer in calls._pass_on(channel, details.method, requests, context):
                        yield answer

                return grpc.stream_stream_rpc_method_handler(behave)

        proxy.add_generic_rpc_handlers([AnyMethod()])
        self.port = proxy.add_insecure_port(f"{_HOST}:0")
        await proxy.start()
        self._running.push_async_callback(proxy.stop, grace=0)

    async def _pass_on(self, channel: Any, method: str, requests: Any, context: Any) -> AsyncIterator[bytes]:
        fails = self._fails()
        error = self._dice.choice(_GRPC_ERRORS)
        if fails == "before":
            await context.abort(error, "made to fail before the server saw it")
        metadata = [pair for pair in context.invocation_metadata() if not pair[0].startswith(_OWN_METADATA)]
        call = channel.stream_stream(method)(requests, metadata=metadata, timeout=context.time_remaining())
        try:
            async for answer in call:
                if fails:
                    break
                yield answer
        except grpc.aio.AioRpcError as failure:
            await context.abort(failure.code(), failure.details() or "", failure.trailing_metadata() or ())
        finally:
            call.cancel()
        if fails:
            await context.abort(error, "made to fail after the server did it")

    async def _serve_http(self, server: int) -> None:
        upstream = await self._running.enter_async_context(connected(f"http://{_HOST}:{server}", None))
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._answers(upstream))
        runner = web.AppRunner(app, auto_decompress=False, access_log=None, shutdown_timeout=0)
        await runner.setup()
        self._running.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, _HOST, 0)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    def _answers(self, upstream: Upstream) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            fails = self._fails()
            status = self._dice.choice(_HTTP_ERRORS)
            message = {"error": {"code": status, "message": "made to fail"}}
            if fails == "before" or (fails and not _answers_json(request)):
                return web.json_response(message, status=status)
            done = await upstream.forward(request, upstream.url)
            if fails and done.prepared:  # it is on its way already
                self.failed -= 1
            return web.json_response(message, status=status) if fails and not done.prepared else done

        return answer


def _answers_json(request: web.Request) -> bool:
    """Whether the whole answer is at hand before it is sent, so that another one can be sent instead."""
    return "/storage/v1" in request.path and request.query.get("alt") != "media"
