"""Server-Sent Events (html.spec.whatwg.org/multipage/server-sent-events.html): one topic on one connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from photofinish.errors import Unavailable
from photofinish_functions.live.connections import Connection
from photofinish_functions.live.feed import Batch, Ended, Ending, Feed
from photofinish_functions.live.hub import Hub

RETRY_MS = 2000
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
# A line without an empty one after it: some clients take an empty line for an event without data.
_HEARTBEAT = b": heartbeat\n"


class EventStream(Response):
    """An answer that goes on until its feed ends or its reader leaves."""

    def __init__(self, hub: Hub, connection: Connection, feed: Feed, start: int) -> None:
        super().__init__(headers=_HEADERS | {"X-Request-Id": connection.caller.request_id})
        del self.headers["content-length"]
        self._hub = hub
        self._connection = connection
        self._feed = feed
        self._start = start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        leaving = asyncio.create_task(self._notice_leaving(receive))
        try:
            async with asyncio.timeout(None) as self._feed.deadline:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                async for content in self._contents():
                    await send({"type": "http.response.body", "body": content, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            pass  # it takes nothing, not even the end: the server closes the connection
        finally:
            self._feed.deadline = None
            leaving.cancel()
            self._hub.leave(self._feed)
            self._connection.close()

    async def _contents(self) -> AsyncIterator[bytes]:
        # With an id, so that a reader whose connection breaks before the first event resumes here.
        start = json.dumps({"sequence": f"{self._start:018d}"})
        yield f"retry: {RETRY_MS}\nevent: start\nid: {self._start}\ndata: {start}\n\n".encode()
        try:
            async for batch in self._hub.follow(self._feed, self._start):
                yield _encoded(batch)
        except Ended as end:
            yield _last_words(end.ending)
        except Unavailable:
            yield _last_words(Ending.RESTARTING)

    async def _notice_leaving(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._feed.end(Ending.GONE)


def _encoded(batch: Batch) -> bytes:
    return batch.as_server_sent_events if batch.events else _HEARTBEAT


def _last_words(ending: Ending) -> bytes:
    words = json.dumps({"code": ending.code, "message": ending.message})
    return f"event: end\ndata: {words}\n\n".encode()
