"""The application of the function `live`.

functions-framework's ASGI application answers HTTP only. So it is one route of an application that has a route for
WebSockets beside it, and a lifespan, in which the reader of the log runs.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import functions_framework.aio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from photofinish.logs import log_json
from photofinish.settings import ApiSettings
from photofinish.wiring import app
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.live_tickets import LiveTickets
from photofinish_functions.live.admission import Admission
from photofinish_functions.live.connections import Connections
from photofinish_functions.live.hub import Hub
from photofinish_functions.live.service import LiveService

SOCKET_PATH = "/v1/events/ws"


@functools.cache
def live_service() -> LiveService:
    """Return the service of this process; call it in the event loop."""
    cloud = app()
    settings = cloud.admission_settings
    admission = Admission(Gate(cloud.access, settings), LiveTickets(settings.pepper), cloud.access, cloud.shares)
    return LiveService(Hub(cloud.event_log), admission, Connections(admission))


def create_live_app(ready_path: str, is_ready: Callable[[], bool]) -> Starlette:
    """Build the application around functions-framework's."""
    log_json()
    function: ASGIApp = functions_framework.aio.create_asgi_app()  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with live_service().running():
            yield

    async def socket(websocket: WebSocket) -> None:
        await live_service().socket(websocket)

    async def ready(_: Request) -> Response:
        if await asyncio.to_thread(is_ready):
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "unavailable"}, HTTPStatus.SERVICE_UNAVAILABLE)

    routes = [Route(ready_path, ready), WebSocketRoute(SOCKET_PATH, socket), Mount("/", app=function)]
    return Starlette(routes=routes, middleware=for_pages(), lifespan=lifespan)


def for_pages() -> list[Middleware]:
    """What lets pages of the configured origins read streams."""
    origins = ApiSettings.from_env().cors_origins
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origin_regex="|".join(map(_pattern, origins)),
            allow_methods=["GET"],
            allow_headers=["Authorization", "X-Api-Key", "Last-Event-ID"],
            expose_headers=["X-Request-Id", "Retry-After"],
        )
    ]


def _pattern(origin: str) -> str:
    return re.escape(origin).replace(r":\*", r"(:[0-9]+)?")
