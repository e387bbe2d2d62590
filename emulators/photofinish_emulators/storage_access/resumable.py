"""Resumable uploads as Cloud Storage serves them, where fake-gcs-server differs.

fake-gcs-server starts one by a signed POST without the object's name, type and metadata, takes the question how far an
upload is for its end, and knows no limits of size. So a signed start is passed on as one of the JSON API, questions are
answered here, and a file of another size is refused when its upload ends.

https://cloud.google.com/storage/docs/xml-api/post-object-resumable and
https://cloud.google.com/storage/docs/performing-resumable-uploads#status-check
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote

import aiohttp
from aiohttp import web
from yarl import URL

from photofinish_emulators.storage_access.forwarding import Upstream

_METADATA = "x-goog-meta-"
_RECEIVED = re.compile(r"bytes=0-(\d+)")
_PART = re.compile(r"bytes (?:(?P<first>\d+)-(?P<last>\d+)|\*)/(?P<total>\d+|\*)")


@dataclass(slots=True)
class _Upload:
    """An upload that was started."""

    sizes: tuple[int, int] | None = None
    """The least and the greatest size that the file may have; None: any."""
    content_type: str | None = None
    """Of the object, whatever the parts say; None: that of the last part."""
    received: int = 0
    ended: int | None = None
    """The status with which it ended."""


class ResumableUploads:
    """Passes requests on to fake-gcs-server, and knows how far resumable uploads are; all ports share it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._uploads: dict[str, _Upload] = {}

    async def forward(
        self,
        request: web.Request,
        own_url: str,
        *,
        body: bytes | None = None,
        seen: Callable[[aiohttp.ClientResponse], None] = lambda _: None,
    ) -> web.StreamResponse:
        """As :meth:`Upstream.forward`."""
        if is_signed_start(request):
            return await self._start(request, own_url, seen)
        upload = self._uploads.get(request.query.get("upload_id", ""))
        if upload is not None and request.method == "PUT":
            return await self._continue(upload, request, own_url, seen)

        if starts_upload(request) and body is None:
            body = await request.read()  # the description of an object: small

        def note(answer: aiohttp.ClientResponse) -> None:
            if starts_upload(request) and "Location" in answer.headers:
                self._uploads[_upload_id(answer)] = _Upload(content_type=_announced_type(request, body))
            seen(answer)

        return await self._upstream.forward(request, own_url, body=body, seen=note)

    async def _start(
        self, request: web.Request, own_url: str, seen: Callable[[aiohttp.ClientResponse], None]
    ) -> web.StreamResponse:
        bucket, _, name = request.rel_url.raw_path.lstrip("/").partition("/")
        try:
            sizes = _sizes(request.headers.get("x-goog-content-length-range"))
        except ValueError:
            return _error(400, "InvalidArgument", "x-goog-content-length-range must be two numbers: 1,1000.")
        metadata = {
            header.lower().removeprefix(_METADATA): value
            for header, value in request.headers.items()
            if header.lower().startswith(_METADATA)
        }
        described = {"name": unquote(name), "contentType": request.content_type, "metadata": metadata}
        query = f"uploadType=resumable&name={quote(unquote(name), safe='')}"
        url = f"{self._upstream.url}/upload/storage/v1/b/{bucket}/o?{query}"
        async with self._upstream.session.post(URL(url, encoded=True), json=described) as answer:
            if "Location" not in answer.headers:
                return web.Response(status=answer.status, body=await answer.read())
            seen(answer)
            self._uploads[_upload_id(answer)] = _Upload(sizes, request.content_type)
            location = answer.headers["Location"].replace(self._upstream.url, own_url)
            headers = {"Location": location, "X-GUploader-UploadID": _upload_id(answer)}
            return web.Response(status=201, headers=headers)

    async def _continue(
        self,
        upload: _Upload,
        request: web.Request,
        own_url: str,
        seen: Callable[[aiohttp.ClientResponse], None],
    ) -> web.StreamResponse:
        if upload.ended is not None:
            return web.Response(status=upload.ended)
        part = _PART.fullmatch(request.headers.get("Content-Range", ""))
        if part is not None and part["first"] is None:
            return web.Response(status=308, headers=_range(upload.received))
        first = 0 if part is None else int(part["first"])
        if first > upload.received:  # what lies between was not received
            return web.Response(status=308, headers=_range(upload.received))
        total = request.content_length if part is None else None if part["total"] == "*" else int(part["total"])
        if total is not None and upload.sizes is not None and not upload.sizes[0] <= total <= upload.sizes[1]:
            code = "EntityTooSmall" if total < upload.sizes[0] else "EntityTooLarge"
            return _error(400, code, f"Content-length {total} is not in {upload.sizes[0]}..{upload.sizes[1]}.")

        def note(answer: aiohttp.ClientResponse) -> None:
            if answer.status == 308:
                received = _RECEIVED.fullmatch(answer.headers.get("Range", ""))
                upload.received = int(received[1]) + 1 if received else upload.received
            elif answer.status in (200, 201):
                upload.ended = answer.status
            seen(answer)

        return await self._upstream.forward(request, own_url, content_type=upload.content_type, seen=note)


def starts_upload(request: web.Request) -> bool:
    """Whether a request starts a resumable upload."""
    starts_by_json = request.method == "POST" and request.query.get("uploadType") == "resumable"
    return is_signed_start(request) or (starts_by_json and "upload_id" not in request.query)


def is_signed_start(request: web.Request) -> bool:
    """Whether a request of the XML API starts a resumable upload."""
    return (
        request.method == "POST"
        and request.headers.get("x-goog-resumable") == "start"
        and "/storage/v1" not in request.path
    )


def _announced_type(request: web.Request, body: bytes | None) -> str | None:
    """The type that a start of the JSON API gives its object: in the description, or else in a header."""
    try:
        described = json.loads(body or b"{}")
    except ValueError:
        described = {}
    announced = described.get("contentType") if isinstance(described, dict) else None
    return announced or request.headers.get("X-Upload-Content-Type")


def _upload_id(answer: aiohttp.ClientResponse) -> str:
    return URL(answer.headers["Location"]).query.get("upload_id", "")


def _sizes(text: str | None) -> tuple[int, int] | None:
    """Raises ValueError."""
    if text is None:
        return None
    least, greatest = (int(number) for number in text.split(","))
    return least, greatest


def _range(received: int) -> dict[str, str]:
    """No header where nothing was received."""
    return {"Range": f"bytes=0-{received - 1}"} if received else {}


def _error(status: int, code: str, message: str) -> web.Response:
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")
