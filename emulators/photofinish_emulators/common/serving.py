"""Run one ``grpc.aio`` server until SIGTERM or SIGINT: state directory lock, port, health service, ready line."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

log = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
STOP_GRACE_S = 2.0


class CannotServe(Exception):
    """The server cannot start here; the message says why and what to do."""


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


def lock_state_dir(state_dir: Path) -> IO[str]:
    """Take ``state_dir`` for this process alone; hold the returned file open for as long as the server runs.

    Raises:
        CannotServe: another process holds it.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    handle = (state_dir / "lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise CannotServe(
            f"{state_dir} is in use by another process: stop that one, or give another --state-dir"
        ) from None
    return handle


async def serve(
    handlers: Mapping[str, grpc.GenericRpcHandler], host: str, port: int, stop: Callable[[], Awaitable[None]]
) -> None:
    """Serve ``handlers`` (by full service name) on ``host:port`` until SIGTERM or SIGINT, then call ``stop``.

    ``port`` 0 takes a free one. When ready, one line ``ready HOST:PORT`` goes to standard output. The standard gRPC
    health service answers SERVING for "" and for every service.

    Raises:
        CannotServe: the port is taken.
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
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise CannotServe(f"{host}:{port} is taken: stop what listens there, or give another --port") from error
    await server.start()
    for service in ("", *handlers):
        await servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    print(f"ready {host}:{bound}", flush=True)
    log.info("serving", extra={"fields": {"address": f"{host}:{bound}", "services": sorted(handlers)}})

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    await stopping.wait()
    await servicer.enter_graceful_shutdown()
    await server.stop(STOP_GRACE_S)
    await stop()
