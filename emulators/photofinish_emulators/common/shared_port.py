"""One port for gRPC and HTTP/1.1: the first bytes of a connection tell which of them its client speaks.

gRPC clients begin with the preface of HTTP/2. Their connections are forwarded to the gRPC server, which listens on
another loopback port: it cannot take over an open connection. HTTP/1.1 connections are handed to the HTTP server.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SILENCE_S = 120.0
"""A new connection that sends nothing is closed after this time. Browsers open some in advance."""
HttpServer = Callable[[], asyncio.Protocol]
"""Makes the protocol object of one HTTP/1.1 connection."""


async def listen(host: str, port: int, http_server: HttpServer, grpc_port: int) -> asyncio.Server:
    """Accept connections on ``host:port`` for both servers.

    Raises:
        OSError: the port is taken, or the host is not an address of this machine.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    listening = socket.create_server(address[:2], family=family, backlog=128)
    return await loop.create_server(lambda: _FirstBytes(http_server, grpc_port), sock=listening)


class _FirstBytes(asyncio.Protocol):
    """Reads until the protocol is certain, then hands the connection over."""

    def __init__(self, http_server: HttpServer, grpc_port: int) -> None:
        self._http_server = http_server
        self._grpc_port = grpc_port
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        # Without this, small messages wait for the acknowledgement of the one before (40 ms).
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self._timer = asyncio.get_running_loop().call_later(SILENCE_S, transport.abort)

    def connection_lost(self, _error: Exception | None) -> None:
        self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) < len(HTTP2_PREFACE) and HTTP2_PREFACE.startswith(self._received):
            return
        self._timer.cancel()
        is_grpc = self._received.startswith(HTTP2_PREFACE)
        successor = _GrpcClient(self._grpc_port) if is_grpc else self._http_server()
        self._transport.set_protocol(successor)
        successor.connection_made(self._transport)
        successor.data_received(self._received)


class _Forwarder(asyncio.Protocol):
    """Writes all that it receives to ``other``, and reads no faster than ``other`` can write."""

    transport: asyncio.Transport
    other: _Forwarder | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()


class _GrpcClient(_Forwarder):
    """The connection of a gRPC client. It is read no further until the connection to the server exists."""

    def __init__(self, grpc_port: int) -> None:
        self._grpc_port = grpc_port
        self._first_bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._first_bytes += data
        else:
            self.other.transport.write(data)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, server = await loop.create_connection(_Forwarder, "127.0.0.1", self._grpc_port)
        except OSError:  # the server is stopping
            self.transport.abort()
            return
        server.other, self.other = self, server
        server.transport.write(self._first_bytes)
        if self.transport.is_closing():
            server.transport.close()
        else:
            self.transport.resume_reading()
