"""What clients of the local storage see while fake-gcs-server dies or restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from photofinish_emulators.storage_access.forwarding import connected
from support.ports import free_port

PATH = "/storage/v1/b/photos/o/1.jpg?alt=media"


@asynccontextmanager
async def proxy_of(upstream: str) -> AsyncIterator[str]:
    async with connected(upstream, None) as behind:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", partial(behind.forward, own_url="http://127.0.0.1:1"))
        async with TestServer(app) as server:
            yield f"http://127.0.0.1:{server.port}"


def test_a_restarting_server_is_unavailable() -> None:
    """The official clients repeat a request after 503."""

    async def ask() -> tuple[int, str]:
        async with (
            proxy_of(f"http://127.0.0.1:{free_port()}") as url,
            aiohttp.ClientSession() as session,
            session.put(url + PATH, data=b"x") as answer,
        ):
            return answer.status, (await answer.json())["error"]["message"]

    status, message = asyncio.run(ask())
    assert status == 503
    assert "does not answer" in message


def test_a_download_that_breaks_off_is_not_complete() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async def download() -> bytes:
        async with (
            await asyncio.start_server(break_off, "127.0.0.1", 0) as upstream,
            proxy_of(f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}") as url,
            aiohttp.ClientSession() as session,
            session.get(url + PATH) as answer,
        ):
            return await answer.read()

    with pytest.raises(aiohttp.ClientPayloadError):
        asyncio.run(download())


@pytest.mark.parametrize(
    ("signed_s_ago", "lasts_s", "status"), [(10, 3600, 200), (-3600, 60, 200), (3700, 3600, 400), (90, 1, 400)]
)
def test_a_signed_link_is_refused_once_it_has_expired(signed_s_ago: int, lasts_s: int, status: int) -> None:
    stamp = (datetime.now(UTC) - timedelta(seconds=signed_s_ago)).strftime("%Y%m%dT%H%M%SZ")
    link = f"/photos/race/1.jpg?X-Goog-Date={stamp}&X-Goog-Expires={lasts_s}&X-Goog-Signature=00"

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text="the photo")

    async def fetch() -> tuple[int, str]:
        behind = web.Application()
        behind.router.add_get("/{path:.*}", serve)
        async with (
            TestServer(behind) as upstream,
            proxy_of(f"http://127.0.0.1:{upstream.port}") as url,
            aiohttp.ClientSession() as session,
            session.get(url + link) as answer,
        ):
            return answer.status, await answer.text()

    answered, text = asyncio.run(fetch())
    assert answered == status
    assert ("ExpiredToken" in text) == (status == 400)
