"""Run one ``grpc.aio`` server until SIGTERM or SIGINT: state directory lock, port, health service, ready line."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from photofinish_emulators.common.state_dir import CannotServe, lock_state_dir

__all__ = ["CannotServe", "Method", "generic_handler", "lock_state_dir", "serve"]

log = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
STOP_GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: its handler, how it streams, and the raw protobuf classes of its request and response."""

    handler: Callable[..., Any]
    request: Any
    response: Any
    stream_in: bool = False
    stream_out: bool = False


def generic_handler(service: str, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler:
    """A handler for ``service`` (its full name, such as ``google.pubsub.v1.Publisher``) out of raw protobuf classes.

    ``SomeType.pb()`` of a client library's proto-plus type gives the raw class.
    """
    shapes = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    return grpc.method_handlers_generic_handler(
        service,
        {
            name: shapes[method.stream_in, method.stream_out](
                method.handler,
                request_deserializer=method.request.FromString,
                response_serializer=method.response.SerializeToString,
            )
            for name, method in methods.items()
        },
    )


async def serve(
    handlers: Mapping[str, grpc.GenericRpcHandler], host: str, port: int, stop: Callable[[], Awaitable[None]]
) -> None:
    """Serve ``handlers`` (by full service name) on ``host:port`` until SIGTERM or SIGINT, then call ``stop``.

    ``port`` 0 takes a free one. When ready, one line ``ready HOST:PORT`` goes to standard output. The standard gRPC
    health service answers SERVING for "" and for every service.

    Raises:
        CannotServe: the port is taken, or the host is no address of this machine.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
            # The official clients ping idle streams; without these the server would hang up on them.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 5000),
            ("grpc.http2.max_ping_strikes", 0),
        ]
    )
    server.add_generic_rpc_handlers(tuple(handlers.values()))
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    written_host = f"[{host}]" if ":" in host else host  # an IPv6 address needs brackets before a port
    try:
        bound = server.add_insecure_port(f"{written_host}:{port}")
    except RuntimeError as error:
        raise CannotServe(_why_not(host, port)) from error
    await server.start()
    for service in ("", *handlers):
        await servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    print(f"ready {written_host}:{bound}", flush=True)
    log.info("serving", extra={"fields": {"address": f"{written_host}:{bound}", "services": sorted(handlers)}})

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    await stopping.wait()
    await servicer.enter_graceful_shutdown()
    await server.stop(STOP_GRACE_S)
    await stop()


def _why_not(host: str, port: int) -> str:
    """Why nothing can listen there; gRPC does not say, a plain socket does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port)
        socket.create_server((host, port), family=family).close()
    except socket.gaierror as error:
        return f"cannot listen on {host}: {error.strerror}; give another --host"
    except OSError as error:
        if error.errno is not None and error.errno != errno.EADDRINUSE:
            return f"cannot listen on {host}:{port}: {os.strerror(error.errno)}; give another --host or --port"
    return f"{host}:{port} is taken: stop what listens there, or give another --port"
