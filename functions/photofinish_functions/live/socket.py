"""The WebSocket twin of the stream: several subscriptions on one connection, as JSON messages."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from photofinish.errors import InvalidQuery, Unavailable
from photofinish_functions.api.errors import refusal_of
from photofinish_functions.live.admission import Admission, readable
from photofinish_functions.live.connections import Connection
from photofinish_functions.live.feed import Ended, Ending, Feed
from photofinish_functions.live.hub import Hub
from photofinish_functions.live.requests import Ping, Subscribe, Unsubscribe, parsed_message
from photofinish_functions.refused import Refused

log = logging.getLogger(__name__)
MAX_SUBSCRIPTIONS = 50


class Socket:
    """One WebSocket: a task receives, and a task for each subscription sends."""

    def __init__(self, websocket: WebSocket, hub: Hub, admission: Admission) -> None:
        self.connection: Connection | None = None
        self._websocket = websocket
        self._hub = hub
        self._admission = admission
        self._feeds: dict[str, Feed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def end(self, ending: Ending) -> None:
        """End the connection, for this reason; the first one counts."""
        if not self._ending.done():
            self._ending.set_result(ending)

    async def serve(self, connection: Connection) -> None:
        """Answer the client's messages until either side ends the connection."""
        self.connection = connection
        try:
            await self._websocket.accept(headers=[(b"x-request-id", connection.caller.request_id.encode())])
            self._tasks.add(asyncio.create_task(self._receive()))
            ending = await self._ending
        finally:
            for task in list(self._tasks):
                task.cancel()
            for feed in self._feeds.values():
                self._hub.leave(feed)
            connection.close()
        if ending is not Ending.GONE:
            await self._close(ending)

    async def _receive(self) -> None:
        try:
            while True:
                await self._answer(await self._websocket.receive_text())
        except WebSocketDisconnect:
            self.end(Ending.GONE)
        except KeyError:  # bytes, of which receive_text finds no text
            self.end(Ending.TEXT_ONLY)
        except Exception:
            log.exception("a message of a live connection could not be answered")
            self.end(Ending.FAILED)

    async def _answer(self, text: str) -> None:
        name: str | None = None
        try:
            message = parsed_message(text)
            if isinstance(message, Ping):
                await self._send({"kind": "pong"})
            elif isinstance(message, Unsubscribe):
                name = message.subscription
                await self._unsubscribe(name)
            else:
                name = message.subscription or message.album
                await self._subscribe(name, message)
        except (Refused, InvalidQuery, Unavailable) as error:
            refusal = refusal_of(error)
            answer = {"kind": "error", "subscription": name, "code": refusal.code, "message": refusal.message}
            await self._send({key: value for key, value in answer.items() if value is not None})

    async def _subscribe(self, name: str, wanted: Subscribe) -> None:
        if name in self._feeds:
            raise Refused(409, "subscribed", f"There is a subscription {name!r} already: unsubscribe, or name another.")
        if len(self._feeds) >= MAX_SUBSCRIPTIONS:
            message = f"A connection has at most {MAX_SUBSCRIPTIONS} subscriptions: unsubscribe, or open another one."
            raise Refused(429, "too_many_subscriptions", message)
        assert self.connection is not None
        topic, after = wanted.topic(wanted.album), wanted.start(wanted.album)
        topic = replace(topic, wanted=readable(self.connection.caller.principal, topic.wanted))
        await asyncio.to_thread(self._admission.subscribe, self.connection.caller, wanted.album)
        feed = self._feeds[name] = Feed(topic)
        self.connection.albums.add(wanted.album)
        try:
            start = await self._hub.start_of(feed, after)
        except (InvalidQuery, Unavailable):
            del self._feeds[name]
            raise
        await self._send(
            {"kind": "subscribed", "subscription": name, "album": wanted.album, "sequence": f"{start:018d}"}
        )
        sender = asyncio.create_task(self._send_events(name, feed, start))
        self._tasks.add(sender)
        sender.add_done_callback(self._tasks.discard)

    async def _unsubscribe(self, name: str) -> None:
        feed = self._feeds.pop(name, None)
        if feed is None:
            raise Refused(404, "unknown_subscription", f"This connection has no subscription {name!r}.")
        feed.end(Ending.GONE)
        self._hub.leave(feed)
        assert self.connection is not None
        self.connection.albums = {feed.topic.album for feed in self._feeds.values()}
        await self._send({"kind": "unsubscribed", "subscription": name})

    async def _send_events(self, name: str, feed: Feed, start: int) -> None:
        begin = f'{{"kind":"events","subscription":{json.dumps(name)},"events":'
        try:
            async with asyncio.timeout(None) as feed.deadline:
                async for batch in self._hub.follow(feed, start):
                    if batch.events:
                        async with self._sending:
                            await self._websocket.send_text(f"{begin}{batch.as_json_list}}}")
        except Ended as end:
            if self._feeds.get(name) is feed:
                self.end(end.ending)
        except (TimeoutError, WebSocketDisconnect):
            self.end(Ending.TOO_SLOW)
        except Unavailable:
            self.end(Ending.RESTARTING)
        except Exception:
            log.exception("events could not be sent")
            self.end(Ending.FAILED)
        finally:
            feed.deadline = None

    async def _send(self, message: dict[str, Any]) -> None:
        async with self._sending:
            await self._websocket.send_text(json.dumps(message))

    async def _close(self, ending: Ending) -> None:
        reason = json.dumps({"code": ending.code})  # at most 123 bytes
        try:
            async with asyncio.timeout(5):
                await self._websocket.close(ending.close_code, reason)
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            pass  # the client is gone, or takes nothing
