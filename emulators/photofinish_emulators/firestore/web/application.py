"""The HTTP server for browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

from photofinish_emulators.common.local_pages import LocalPages
from photofinish_emulators.common.serving import MAX_MESSAGE_BYTES
from photofinish_emulators.common.shared_port import HttpServer
from photofinish_emulators.firestore.access import Gate
from photofinish_emulators.firestore.rpcs import Rpc
from photofinish_emulators.firestore.web import channels, rest
from photofinish_emulators.firestore.web.channels import Channels
from photofinish_emulators.firestore.web.rest import Rest

STOP_GRACE_S = 1.0


@asynccontextmanager
async def http_server(
    rpcs: Mapping[str, Rpc], gate: Gate, host: str, origins: Collection[str]
) -> AsyncIterator[HttpServer]:
    """Serve ``rpcs`` to connections that are handed over, within the block.

    ``host`` is the address of the port; pages of this machine and of ``origins`` may use it.
    """
    pages = LocalPages(host, origins)
    application = web.Application(middlewares=[_ignore_lost_clients, pages.check], client_max_size=MAX_MESSAGE_BYTES)
    application.on_response_prepare.extend((pages.add_headers, _never_cached))
    open_channels = Channels(rpcs, gate)
    application.router.add_route("GET", "/", _ok)
    application.router.add_route("*", channels.PATH, open_channels.handle)
    application.router.add_route("*", rest.PATH, Rest(rpcs, gate).handle)
    # Without handler_cancellation a page that went away would keep its listeners until the next message.
    runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=STOP_GRACE_S)
    await runner.setup()
    assert runner.server is not None
    try:
        yield runner.server
    finally:
        open_channels.close()
        await runner.cleanup()


@web.middleware
async def _ignore_lost_clients(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ConnectionResetError:  # the page went away while it was being answered
        return web.Response()


async def _never_cached(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Cache-Control"] = "no-store"


async def _ok(_: web.Request) -> web.Response:
    """For people and probes that open the server's address."""
    return web.Response(text="Ok\n")
