"""REST: one HTTP request per RPC, for the web SDK's reads and writes outside of streams, its lite build, and curl."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from aiohttp import web

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.firestore.access import Gate
from photofinish_emulators.firestore.rpcs import Rpc
from photofinish_emulators.firestore.web.json_messages import (
    Json,
    dumps,
    error_body,
    from_message,
    http_status,
    parse,
    to_message,
)
from photofinish_emulators.firestore.web.rest_routes import find_route

PATH = "/v1/{path:.*}"


class Rest:
    def __init__(self, rpcs: Mapping[str, Rpc], gate: Gate) -> None:
        self._rpcs = rpcs
        self._gate = gate

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            route = find_route(request.method, request.rel_url.raw_path)
            rpc = self._rpcs[route.rpc]
            body: Json = None
            if route.body is not None:
                text = await request.read()
                body = parse(text) if text else {}
            message = to_message(route.fields(body, list(request.query.items()), rpc.request), rpc.request)
            call = rpc.by(self._gate.access(request.headers.get("Authorization")))
            if rpc.stream_out:
                async with aclosing(call(message)) as responses:
                    return await _stream(request, responses)
            return _respond(from_message(await call(message)))
        except Refused as refused:
            return _respond(error_body(refused), http_status(refused))


async def _stream(request: web.Request, responses: AsyncGenerator[object]) -> web.StreamResponse:
    """Answer with an array. An error after the first response is the array's last element."""
    started: web.StreamResponse | None = None
    try:
        async for response in responses:
            text = dumps(from_message(response))
            if started is None:
                started = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
                await started.prepare(request)
                await started.write(f"[{text}".encode())
            else:
                await started.write(f",\n{text}".encode())
    except Refused as refused:
        if started is None:
            return _respond([error_body(refused)], http_status(refused))
        await started.write(f",\n{dumps(error_body(refused))}".encode())
    if started is None:
        return _respond([])
    await started.write_eof(b"]")
    return started


def _respond(body: Json, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, dumps=dumps)
