"""Passes requests on to fake-gcs-server, and its answers back, without holding the content of objects in memory."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import MappingProxyType

import aiohttp
from aiohttp import web
from yarl import URL

from photofinish_emulators.storage_access.xml_answers import (
    MISSING_BUCKET,
    expired_at,
    expired_link,
    headers_of_link,
    lists_bucket,
)

log = logging.getLogger(__name__)
TIMEOUT_S = 600.0
READ_BYTES = 1024 * 1024
"""Read ahead of the receiver. With aiohttp's 64 KiB, each photo takes a hundred turns."""
# Headers of one connection; and those about pages, which are decided here.
_NOT_PASSED_ON = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
    "proxy-connection",
    "expect",
    "origin",
}
_JSON_API = re.compile(r"/(?:(?:upload|download|batch)/)?storage/v1(?:/|$)")
_INTERNAL = "/_internal/"
"""fake-gcs-server deletes everything, or changes its settings, when it is told to at these paths."""


class Upstream:
    """fake-gcs-server at ``url``."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url.rstrip("/")
        self.session = session
        self._host = URL(self.url).authority

    async def forward(
        self,
        request: web.Request,
        own_url: str,
        *,
        body: bytes | None = None,
        content_type: str | None = None,
        seen: Callable[[aiohttp.ClientResponse], None] = lambda _: None,
    ) -> web.StreamResponse:
        """Answer a request as fake-gcs-server does.

        ``own_url`` replaces its address in the answer; ``body`` is the request's body if it was read already;
        ``content_type`` replaces the request's; ``seen`` is called with the answer's head.
        """
        if request.path.startswith(_INTERNAL):
            return web.Response(status=404, text="Not Found\n")
        is_xml = not _JSON_API.match(request.path)
        if is_xml and (ends_at := expired_at(request.query, datetime.now(UTC))) is not None:
            return web.Response(status=400, text=expired_link(ends_at), content_type="application/xml")
        try:
            is_authorized = "Authorization" in request.headers
            told = headers_of_link(request.method, request.query, is_authorized=is_authorized) if is_xml else {}
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        headers = _passed_on(request.headers)
        if content_type is not None:
            headers["Content-Type"] = content_type
        headers["Host"] = self._host  # by another name, fake-gcs-server would not know signed links
        has_content = request.query.get("alt") == "media" or "/storage/v1" not in request.path
        if not has_content:
            headers["Accept-Encoding"] = "identity"  # the answer is read here
        data = body if body is not None else request.content if request.body_exists else None
        url = URL(self.url + request.raw_path, encoded=True)
        try:
            if request.method == "DELETE" and "generation" in request.query:
                # fake-gcs-server finds no other generation than the newest, but would delete the newest instead of it.
                async with self.session.get(url, headers=headers) as found:
                    if found.status == 404:
                        return await self._pass_on(request, found, own_url, has_content=has_content)
            answer = await self.session.request(request.method, url, data=data, headers=headers, allow_redirects=False)
        except aiohttp.ClientConnectionError as error:
            log.warning("fake-gcs-server does not answer: %s", error)
            message = "fake-gcs-server does not answer: try again, or see its log."
            return web.json_response({"error": {"code": 503, "message": message}}, status=503)
        async with answer:
            seen(answer)
            if is_xml and answer.status == 500 and lists_bucket(request.method, request.path):
                return web.Response(status=404, text=MISSING_BUCKET, content_type="application/xml")
            return await self._pass_on(request, answer, own_url, has_content=has_content, told=told)

    async def _pass_on(
        self,
        request: web.Request,
        answer: aiohttp.ClientResponse,
        own_url: str,
        *,
        has_content: bool,
        told: Mapping[str, str] = MappingProxyType({}),
    ) -> web.StreamResponse:
        """Send an answer; one with content gets the headers that its link `told`."""
        headers = _passed_on(answer.headers)
        if answer.status in (200, 206):
            headers = {name: value for name, value in headers.items() if name.title() not in told} | dict(told)
        if "Location" in headers:
            headers["Location"] = headers["Location"].replace(self.url, own_url)
        if not has_content and answer.content_type == "application/json":
            headers.pop("Content-Length", None)
            text = (await answer.read()).replace(self.url.encode(), own_url.encode())
            return web.Response(status=answer.status, headers=headers, body=text)
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


@asynccontextmanager
async def connected(url: str, certificate: str | None) -> AsyncIterator[Upstream]:
    """``certificate``: a file with the only one that fake-gcs-server may have; None: it speaks plain HTTP."""
    trusted = ssl.create_default_context(cafile=certificate) if certificate is not None else True
    connector = aiohttp.TCPConnector(limit=0, ssl=trusted)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(
        timeout=timeout, auto_decompress=False, connector=connector, read_bufsize=READ_BYTES
    ) as session:
        yield Upstream(url, session)


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _NOT_PASSED_ON}
