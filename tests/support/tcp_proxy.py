"""A proxy in front of any server, which delays, cuts off or refuses connections when a test says so."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

_READ_BYTES = 2**16
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to the connections of a proxy."""

    delay_s: float = 0.0
    """Before each part of an answer is passed on."""
    reset_share: float = 0.0
    """Of the parts of answers that are passed on by half, after which the connection is reset."""
    refuses: bool = False
    """New connections end at once, and so do those that are open."""


CALM = Weather()


class TcpProxy:
    """Listens on a port of this machine and passes connections on to a server; runs in a thread of its own."""

    def __init__(self, server: Callable[[], int], seed: int = 0) -> None:
        """`server` returns the port of the server, asked for each connection: it may be chosen later."""
        self.port = 0
        self.broken = 0
        """Connections that were refused or cut so far, and answers that were late."""
        self._server = server
        self._dice = random.Random(seed)
        self._weather = CALM
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._thread.start()
        self._listening = self._do(self._listen())

    def become(self, weather: Weather) -> None:
        """Treat connections like this from now on."""

        async def change() -> None:
            self._weather = weather
            if weather.refuses:
                self._cut_all()

        self._do(change())

    def close(self) -> None:
        """End all connections and the thread."""

        async def end() -> None:
            self._listening.close()
            self._cut_all()

        self._do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> asyncio.Server:
        listening = await asyncio.start_server(self._serve, _HOST, 0)
        self.port = listening.sockets[0].getsockname()[1]
        return listening

    async def _serve(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._weather.refuses:
            self.broken += 1
            client.transport.abort()
            return
        try:
            server_reader, server = await asyncio.open_connection(_HOST, self._server())
        except (OSError, LookupError):  # it does not run, or has no port yet
            client.transport.abort()
            return
        self._open |= {client, server}
        try:
            await asyncio.gather(self._pass_on(client_reader, server), self._answer(server_reader, client))
        except OSError:  # one side is gone, and so is the other below
            pass
        finally:
            for side in (client, server):
                self._open.discard(side)
                side.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(_READ_BYTES):
            writer.write(part)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(_READ_BYTES):
            if self._weather.delay_s:
                self.broken += 1
                await asyncio.sleep(self._weather.delay_s)
            if self._dice.random() < self._weather.reset_share:
                self.broken += 1
                writer.write(part[: len(part) // 2])
                raise ConnectionResetError
            writer.write(part)
            await writer.drain()
        writer.close()  # once all is sent, which ends the other direction, too

    def _cut_all(self) -> None:
        self.broken += len(self._open) // 2
        for side in self._open:
            side.transport.abort()
