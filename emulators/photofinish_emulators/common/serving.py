"""Runs a ``grpc.aio`` server until SIGTERM or SIGINT, with health service and ready line; common command options."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import grpc
import grpc.aio
import typer
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from photofinish_emulators.common import shared_port
from photofinish_emulators.common.authorization import Authorization, Authorize
from photofinish_emulators.common.shared_port import HttpServer
from photofinish_emulators.common.state_dir import CannotServe

log = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
STOP_GRACE_S = 2.0

# Options of the commands.
StateDir = Annotated[Path, typer.Option(help="Directory for all data; created if missing.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port; the ready line reports it.")]


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: its handler, the raw protobuf classes of its request and response, and which of them it streams."""

    handler: Callable[..., Any]
    request: Any
    response: Any
    stream_in: bool = False
    stream_out: bool = False


def generic_handler(service: str, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler:
    """The gRPC handler of ``service``, given by its full name, such as ``google.pubsub.v1.Publisher``."""
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
    handlers: Mapping[str, grpc.GenericRpcHandler],
    host: str,
    port: int,
    http_server: HttpServer | None = None,
    authorization: Authorization | None = None,
) -> None:
    """Serve ``handlers`` (by full service name) on ``host:port`` until SIGTERM or SIGINT.

    Port 0 takes a free port. When ready, prints ``ready HOST:PORT`` to standard output. The standard gRPC health
    service reports SERVING for "" and for every service. ``http_server`` serves HTTP/1.1 on the same port.
    ``authorization`` adds a port for each service account.

    Raises:
        CannotServe: the port is taken, or the host is not an address of this machine.
    """
    server = _server(handlers)
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    url_host = f"[{host}]" if ":" in host else host  # an IPv6 address needs brackets before a port
    front: asyncio.Server | None = None
    accounts: list[grpc.aio.Server] = []
    try:
        if authorization is not None:
            for account, own_port in authorization.ports.items():
                accounts.append(_server(handlers, Authorize(authorization, account)))
                accounts[-1].add_insecure_port(f"{url_host}:{own_port}")
        if http_server is None:
            bound = server.add_insecure_port(f"{url_host}:{port}")
        else:
            front = await shared_port.listen(host, port, http_server, server.add_insecure_port("127.0.0.1:0"))
            bound = front.sockets[0].getsockname()[1]
    except (RuntimeError, OSError) as error:
        raise CannotServe(_bind_error(host, port)) from error
    for each in (server, *accounts):
        await each.start()
    for service in ("", *handlers):
        await servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):  # before it says that it is ready: it may be stopped at once
        loop.add_signal_handler(signum, stopping.set)
    print(f"ready {url_host}:{bound}", flush=True)
    log.info("serving", extra={"fields": {"address": f"{url_host}:{bound}", "services": sorted(handlers)}})

    await stopping.wait()
    if front is not None:
        front.close()
    await servicer.enter_graceful_shutdown()
    await asyncio.gather(*(each.stop(STOP_GRACE_S) for each in (server, *accounts)))


def _server(
    handlers: Mapping[str, grpc.GenericRpcHandler], *interceptors: grpc.aio.ServerInterceptor
) -> grpc.aio.Server:
    server = grpc.aio.server(
        interceptors=interceptors,
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
            # The official clients ping idle streams; without these options the server would disconnect them.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 5000),
            ("grpc.http2.max_ping_strikes", 0),
        ],
    )
    server.add_generic_rpc_handlers(tuple(handlers.values()))
    return server


def _bind_error(host: str, port: int) -> str:
    """Why the server cannot listen there; gRPC does not report the reason, but a plain socket does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port)
        socket.create_server((host, port), family=family).close()
    except socket.gaierror as error:
        return f"cannot listen on {host}: {error.strerror}; give another --host"
    except OSError as error:
        if error.errno is not None and error.errno != errno.EADDRINUSE:
            return f"cannot listen on {host}:{port}: {os.strerror(error.errno)}; give another --host or --port"
    return f"{host}:{port} is taken: stop the process that listens there, or give another --port"
