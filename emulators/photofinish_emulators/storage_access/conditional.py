"""Requests with preconditions, which fake-gcs-server does not check for reads, deletions and resumable uploads.

Those of a resumable upload are checked when it ends, and not when it starts: the service answers 200 to a start whose
preconditions do not hold, and 412 to the last part (https://github.com/googleapis/google-cloud-java/issues/201).
"""

from __future__ import annotations

import json
from urllib.parse import quote

import aiohttp
from aiohttp import web
from yarl import URL

from photofinish_emulators.storage_access import permissions
from photofinish_emulators.storage_access.errors import error_answer
from photofinish_emulators.storage_access.forwarding import Upstream
from photofinish_emulators.storage_access.preconditions import WORDS, Outcome, Preconditions, preconditions_of
from photofinish_emulators.storage_access.resumable import ResumableUploads, starts_upload

_MAX_DESCRIPTION_BYTES = 64 * 1024
Conditional = tuple[tuple[str, str], Preconditions]
"""Bucket and name of an object, and what must hold for it."""


class ConditionalRequests:
    """Passes on requests whose preconditions hold; all ports share it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._resumable = ResumableUploads(upstream)
        self._uploads: dict[str, Conditional] = {}  # resumable ones, by their ids

    async def forward(self, request: web.Request, own_url: str) -> web.StreamResponse:
        """Answer a request of a client that may do everything."""
        body = await described_object(request) if starts_upload(request) else None
        return await self.answer(request, own_url, body, self.of(request, name_in(body)))

    def of(self, request: web.Request, body_name: str | None) -> Conditional | None:
        """The object and the preconditions of a request that has some; `body_name` is the object's in its body."""
        if upload := self._uploads.get(request.query.get("upload_id", "")):
            return upload if _ends_upload(request) else None
        try:
            conditions = preconditions_of(request.query, request.headers)
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"Invalid precondition: {error}") from error
        found = permissions.object_of(request.rel_url.raw_path, request.query, body_name)
        return (found, conditions) if conditions and found is not None else None

    async def answer(
        self, request: web.Request, own_url: str, body: bytes | None, conditional: Conditional | None
    ) -> web.StreamResponse:
        """Answer a request, if what it requires holds; `body` is its body if it was read already."""
        if conditional is not None and not starts_upload(request):
            outcome = await self._outcome(request, *conditional)
            if outcome is Outcome.NOT_MODIFIED:
                return web.Response(status=304)
            if outcome is Outcome.FAILED:
                return error_answer(request, 412, "conditionNotMet", WORDS, "PreconditionFailed")
        return await self._resumable.forward(
            request, own_url=own_url, body=body, seen=lambda answer: self._note_upload(request, answer, conditional)
        )

    async def exists(self, bucket: str, name: str) -> bool:
        async with self._upstream.session.get(self._object_url(bucket, name)) as answer:
            return answer.status == 200

    async def _outcome(self, request: web.Request, found: tuple[str, str], conditions: Preconditions) -> Outcome:
        writes = request.method in ("PUT", "POST")
        async with self._upstream.session.get(self._object_url(*found)) as answer:
            if answer.status != 200 and not writes:
                return Outcome.HOLD  # the answer is that there is no such object
            stored = await answer.json() if answer.status == 200 else None
        return conditions.outcome(stored, reads=request.method in ("GET", "HEAD"))

    def _note_upload(
        self,
        request: web.Request,
        answer: aiohttp.ClientResponse,
        conditional: tuple[tuple[str, str], Preconditions] | None,
    ) -> None:
        if conditional is not None and starts_upload(request) and "Location" in answer.headers:
            upload_id = URL(answer.headers["Location"]).query.get("upload_id", "")
            self._uploads.setdefault(upload_id, conditional)
        elif answer.status == 200:
            self._uploads.pop(request.query.get("upload_id", ""), None)

    def _object_url(self, bucket: str, name: str) -> URL:
        url = f"{self._upstream.url}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
        return URL(url, encoded=True)


async def described_object(request: web.Request) -> bytes | None:
    """The body of an upload's first request, if that may name its object only there."""
    return await request.read() if _names_its_object_in_its_body(request) else None


def name_in(body: bytes | None) -> str | None:
    """The object's name in a resumable or multipart upload's first request."""
    if body is None:
        return None
    start = body.find(b"{")
    try:
        described, _ = json.JSONDecoder().raw_decode(
            body[start : start + _MAX_DESCRIPTION_BYTES].decode("utf-8", "surrogateescape")
        )
    except ValueError:
        return None
    return str(described.get("name", "")) if isinstance(described, dict) else None


def _names_its_object_in_its_body(request: web.Request) -> bool:
    is_upload = request.path.startswith("/upload/") and "upload_id" not in request.query and "name" not in request.query
    return is_upload and request.method == "POST"


def _ends_upload(request: web.Request) -> bool:
    """Whether a request brings the last part of a resumable upload: `bytes 0-9/10`, or all of it at once."""
    sent, _, total = request.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    last = sent.rpartition("-")[2]
    return not sent or (total.isdigit() and last.isdigit() and int(last) + 1 == int(total))
