"""What the function `live` serves: the stream, its WebSocket twin, and their end when the server stops."""

from __future__ import annotations

import asyncio
import logging
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from types import FrameType

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from photofinish.errors import PhotofinishError, Unavailable
from photofinish.logs import fields
from photofinish_functions.api.errors import refusal_of
from photofinish_functions.live.admission import Admission, Caller, readable
from photofinish_functions.live.connections import Connections
from photofinish_functions.live.feed import Feed
from photofinish_functions.live.hub import Hub
from photofinish_functions.live.requests import album_of, last_event_id, parsed_query, request_head
from photofinish_functions.live.socket import Socket
from photofinish_functions.live.stream import EventStream
from photofinish_functions.refused import Refused

log = logging.getLogger(__name__)


class LiveService:
    """Answers requests in one event loop."""

    def __init__(self, hub: Hub, admission: Admission, connections: Connections) -> None:
        self._hub = hub
        self._admission = admission
        self._connections = connections

    async def stream(self, request: Request) -> Response:
        """Answer `GET /v1/albums/{album}/events/stream`."""
        request_id = uuid.uuid4().hex
        try:
            album = album_of(request)
            self._connections.check_room()
            caller = await self._connect(request, request_id)
            query = parsed_query(request)
            topic, after = query.topic(album), query.start(album, last_event_id(request))
            topic = replace(topic, wanted=readable(caller.principal, topic.wanted))
            await asyncio.to_thread(self._admission.subscribe, caller, album)
            feed = Feed(topic)
            connection = self._connections.add(caller, feed.end)
            connection.albums.add(album)
            try:
                start = await self._hub.start_of(feed, after)
            except BaseException:
                self._hub.leave(feed)
                connection.close()
                raise
            return EventStream(self._hub, connection, feed, start)
        except PhotofinishError as error:
            return _refusal(error, request_id)
        except Exception as error:
            log.exception("the request failed", extra=fields(request_id=request_id))
            return _refusal(error, request_id)

    async def socket(self, websocket: WebSocket) -> None:
        """Serve `GET /v1/events/ws`."""
        request_id = uuid.uuid4().hex
        try:
            self._connections.check_room()
            caller = await self._connect(websocket, request_id)
            socket = Socket(websocket, self._hub, self._admission)
            connection = self._connections.add(caller, socket.end)
        except PhotofinishError as error:
            await websocket.send_denial_response(_refusal(error, request_id))
            return
        await socket.serve(connection)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read the log and check callers meanwhile; end all connections when the server is told to stop."""
        tasks = [asyncio.create_task(self._hub.run()), asyncio.create_task(self._connections.end_refused())]
        loop = asyncio.get_running_loop()
        # The server waits until connections are closed, and tells the application only afterwards that it stops.
        stop = signal.getsignal(signal.SIGTERM)

        def end_connections(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._connections.end_all)
            if callable(stop):
                stop(number, frame)

        signal.signal(signal.SIGTERM, end_connections)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, stop)
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _connect(self, connection: HTTPConnection, request_id: str) -> Caller:
        ticket = connection.query_params.get("ticket")
        return await asyncio.to_thread(self._admission.connect, request_head(connection), ticket, request_id)


def _refusal(error: Exception, request_id: str) -> JSONResponse:
    refusal: Refused = refusal_of(error)
    if isinstance(error, Unavailable):
        log.warning("unavailable: %s", error)
    body = {"error": {"code": refusal.code, "message": refusal.message, "request_id": request_id}}
    headers = {**refusal.headers, "Cache-Control": "no-store", "X-Request-Id": request_id}
    return JSONResponse(body, refusal.status, headers=headers)
