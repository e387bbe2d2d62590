"""WebChannel, version 8: the streams Listen and Write over HTTP requests of the web SDK.

A channel begins with a POST, whose answer names the session (SID). After that the client has up to two requests: a POST
(the forward channel) with messages to the RPC, and a GET (the back channel) whose response carries the RPC's messages,
as a stream (CI=0) or one part per request (CI=1, long polling). A last POST has TYPE=terminate.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial

from aiohttp import web

from photofinish_emulators.common.rpc_errors import Refused, invalid, resource_exhausted
from photofinish_emulators.firestore.access import Gate
from photofinish_emulators.firestore.rpcs import SERVICE, Rpc
from photofinish_emulators.firestore.web.arrays import chunk, parse_form, parse_headers, parse_number
from photofinish_emulators.firestore.web.json_messages import dumps, http_status
from photofinish_emulators.firestore.web.session import KEEPALIVE_S, Session

PATH = f"/{SERVICE}/{{rpc:Listen|Write}}/channel"
VERSION = 8
SERVER_VERSION = 14
MAX_SESSIONS = 1000
_LAST_ARRAY = "AID"


class Channels:
    """The sessions of all pages."""

    def __init__(self, rpcs: Mapping[str, Rpc], gate: Gate) -> None:
        self._rpcs = rpcs
        self._gate = gate
        self._sessions: dict[str, Session] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except Refused as refused:
            return web.Response(status=http_status(refused), text=refused.message)

    def close(self) -> None:
        """End all sessions."""
        for session in list(self._sessions.values()):
            session.end()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        if query.get("VER") != str(VERSION):
            raise invalid(f"Only version {VERSION} of WebChannel is served (VER={VERSION}).")
        id = query.get("SID")
        if id is None and request.method == "POST":
            return await self._open(request)
        session = self._sessions.get(id or "")
        if query.get("TYPE") == "terminate":
            if session is not None:
                session.end()
            return web.Response()
        received = parse_number(query.get(_LAST_ARRAY), _LAST_ARRAY, 0)
        if session is None or not session.has_sent(received):
            # The client opens a new channel when it finds these words behind the first character.
            raise invalid("Error: Unknown SID")
        if request.method == "POST":
            session.confirm(received)
            await session.receive(parse_form(await request.read()))
            return _text(chunk(dumps(session.status(received))))
        return await _back_channel(request, session, received)

    async def _open(self, request: web.Request) -> web.Response:
        if len(self._sessions) >= MAX_SESSIONS:
            raise resource_exhausted(f"{MAX_SESSIONS:,} channels are open: close pages, or wait until they expire.")
        form = await request.read()
        maps, headers = parse_form(form), parse_headers(form)
        rpc = self._rpcs[request.match_info["rpc"]]
        call = rpc.by(self._gate.access(headers.get("authorization")))
        id = secrets.token_urlsafe(18)
        session = Session(call, rpc.request, partial(self._forget, id))
        self._sessions[id] = session
        await session.receive(maps)
        opened = ["c", id, "", VERSION, SERVER_VERSION, int(KEEPALIVE_S * 1000)]
        return _text(chunk(dumps([[0, opened]])))

    def _forget(self, id: str) -> None:
        self._sessions.pop(id, None)


async def _back_channel(request: web.Request, session: Session, received: int) -> web.StreamResponse:
    wait_s = parse_number(request.query.get("TO"), "TO", int(KEEPALIVE_S * 1000)) / 1000
    chunks = session.chunks(received, stream=request.query.get("CI") != "1", wait_s=min(max(wait_s, 0.0), KEEPALIVE_S))
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    await response.prepare(request)
    async with aclosing(chunks):
        async for part in chunks:
            await response.write(part)
    await response.write_eof()
    return response


def _text(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="text/plain", charset="utf-8")
