"""One channel: the requests that the client posts, the stream of an RPC, and the responses that wait for the client."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc

from photofinish_emulators.common.rpc_errors import Refused, resource_exhausted
from photofinish_emulators.firestore.protos import Message
from photofinish_emulators.firestore.web.arrays import Inbox, Outbox, chunk
from photofinish_emulators.firestore.web.json_messages import error_body, from_message, parse, to_message

log = logging.getLogger(__name__)
Call: TypeAlias = Callable[[AsyncIterator[Message]], AsyncGenerator[Message]]
KEEPALIVE_S = 30.0
"""An idle response gets an empty message at this interval. The client gives it up after 1.5 times as long."""
ABSENCE_S = 90.0
"""A session ends if its client has not asked for responses for this time; clients retry within 60 s."""
MAX_RESPONSE_BYTES = 512 * 1024
"""A streaming response ends after this many bytes. The client's next request confirms what it has received."""
MAX_HELD_BYTES = 2 * 1024 * 1024
"""The RPC waits while more of its responses than this are unconfirmed."""
MAX_WAITING_REQUESTS = 100
"""Posted messages are acknowledged only when no more than this wait for the RPC; ten times as many end the session."""


class Session:
    """A stream of an RPC from the handshake until the client or the RPC ends it. ``on_end`` is called once."""

    def __init__(
        self, call: Call, request_class: Any, on_end: Callable[[], None], absence_s: float = ABSENCE_S
    ) -> None:
        self._call = call
        self._request_class = request_class
        self._on_end = on_end
        self._absence_s = absence_s
        self._inbox = Inbox()
        self._requests: deque[Message] = deque()
        self._outbox = Outbox()
        self._written = 0
        """The last array that was written to a response."""
        self._reader: object | None = None
        """The response that is being written, of which there is one at most."""
        self._finished = False
        self._changed = asyncio.Event()
        """The response has something to do."""
        self._room = asyncio.Event()
        """The client has confirmed arrays."""
        self._requested = asyncio.Event()
        self._taken = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._absence = loop.call_later(self._absence_s, self.end)
        self._running = loop.create_task(self._run())

    async def receive(self, maps: dict[int, str]) -> None:
        """Pass the client's messages on to the RPC; return when it has taken most of them."""
        try:
            for text in self._inbox.take(maps):
                self._requests.append(to_message(parse(text), self._request_class))
            if len(self._requests) > 10 * MAX_WAITING_REQUESTS:
                raise resource_exhausted(f"{len(self._requests):,} messages wait on this channel.")
        except Refused as refused:
            self._running.cancel()
            self._finish(refused)
        self._requested.set()
        while len(self._requests) > MAX_WAITING_REQUESTS and not self._finished:
            self._taken.clear()
            await self._taken.wait()

    def has_sent(self, number: int) -> bool:
        """Whether the session has an array with this number, or had one."""
        return number <= self._written

    def confirm(self, number: int) -> None:
        """The client has received all arrays up to this number."""
        self._outbox.confirm(number)
        self._room.set()

    def status(self, received: int) -> list[int]:
        """The answer to posted messages, for a client that has received the arrays up to ``received``.

        Whether a response is open to it, the last array that was written, and the bytes on the way.
        """
        return [int(self._reader is not None), self._written, self._outbox.size_after(received)]

    async def chunks(self, received: int, *, stream: bool, wait_s: float) -> AsyncGenerator[bytes]:
        """The parts of a response to a client that has received the arrays up to ``received``.

        A response that does not ``stream`` ends after its first part, for proxies that hold responses back. A newer
        response ends an older one: the client has given up on it.
        """
        reader = self._reader = object()
        self._absence.cancel()
        self.confirm(received)
        self._changed.set()
        sent_bytes = 0
        try:
            if stream and self._outbox.after(received) is None:
                self._outbox.add(["noop"])  # shows the client that no proxy holds the response back
            while sent_bytes < MAX_RESPONSE_BYTES and self._reader is reader:
                batch = self._outbox.after(received)
                if batch is None:
                    if self._finished:
                        break
                    await self._wait(KEEPALIVE_S if stream else wait_s)
                    continue
                received = batch.last
                self._written = max(self._written, received)
                part = chunk(batch.text)
                sent_bytes += len(part)
                yield part
                if not stream:
                    break
        finally:
            if self._reader is reader:
                self._reader = None
                self._absence = asyncio.get_running_loop().call_later(self._absence_s, self.end)

    def end(self) -> None:
        """Stop the RPC and the open response; nothing can be received or read any more."""
        self._absence.cancel()
        self._running.cancel()
        self._reader = None
        self._finished = True
        self._changed.set()
        self._taken.set()
        self._on_end()

    async def _wait(self, timeout_s: float) -> None:
        """Wait until the response has something to do; add an empty message if that takes longer."""
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            self._outbox.add(["noop"])

    async def _run(self) -> None:
        """Run the RPC; its end, and its error, are messages too."""
        try:
            async with aclosing(self._call(self._received())) as responses:
                async for response in responses:
                    while self._outbox.size > MAX_HELD_BYTES:
                        self._room.clear()
                        await self._room.wait()
                    self._add([from_message(response)])
        except Refused as refused:
            self._finish(refused)
        except Exception:
            log.exception("an RPC failed")
            self._finish(Refused(grpc.StatusCode.INTERNAL, "An internal error occurred; see the server's log."))
        else:
            self._finish(None)

    async def _received(self) -> AsyncIterator[Message]:
        while True:
            while not self._requests:
                self._requested.clear()
                await self._requested.wait()
            request = self._requests.popleft()
            self._taken.set()
            yield request

    def _add(self, data: object) -> None:
        self._outbox.add(data)
        self._changed.set()

    def _finish(self, refused: Refused | None) -> None:
        """Send the error, if there is one, and then the end; the client then ends the session."""
        if self._finished:
            return
        self._finished = True
        if refused is not None:
            self._add([error_body(refused)])
        self._add(["close"])
        self._taken.set()
