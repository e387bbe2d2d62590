"""Cloud Storage for service accounts: checks each request's permission, and passes it on to fake-gcs-server.

Each account has a port of its own. Addresses in answers name that port, too, so that what follows a listing or the
start of an upload is checked as well. A signed link grants what its signer may do: it names the signer's port.
"""

from __future__ import annotations

import json
from urllib.parse import quote
from xml.sax.saxutils import escape

import aiohttp
from aiohttp import web
from yarl import URL

from photofinish_emulators.common.iam import Need, Policy
from photofinish_emulators.storage_access import permissions
from photofinish_emulators.storage_access.forwarding import Upstream
from photofinish_emulators.storage_access.preconditions import WORDS, Outcome, Preconditions, preconditions_of
from photofinish_emulators.storage_access.resumable import ResumableUploads, is_signed_start

# An upload that names its object in its body is read whole: the clients send larger ones than 8 MiB in parts.
MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_DESCRIPTION_BYTES = 64 * 1024


class AccountProxy:
    """Serves one account."""

    def __init__(
        self, upstream: Upstream, uploads: ResumableUploads, policy: Policy, account: str, own_url: str
    ) -> None:
        self._upstream = upstream
        self._resumable = uploads
        self._policy = policy
        self._account = account
        self._own_url = own_url
        # Resumable uploads with preconditions, which hold at the end, too: upload id → object and preconditions.
        self._uploads: dict[str, tuple[tuple[str, str], Preconditions]] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        body: bytes | None = None
        if _names_its_object_in_its_body(request):
            body = await request.read()
        wanted = permissions.needs(request.method, path, request.query, _name_in(body))
        missing = self._policy.first_missing(self._account, wanted.permissions)
        if missing is None and wanted.overwrites is not None:
            missing = await self._missing_to_overwrite(*wanted.overwrites)
        if missing is not None:
            return self._refuse(request, missing)
        if wanted.overwrites is not None and (problem := permissions.name_problem(wanted.overwrites[1])) is not None:
            return _error(request, 400, "invalid", problem, "InvalidArgument")
        conditional = self._conditional(request, path, _name_in(body))
        if conditional is not None and (outcome := await self._outcome(request, *conditional)) is not Outcome.HOLD:
            return self._condition_failed(request, outcome)
        return await self._resumable.forward(
            request,
            own_url=self._own_url,
            body=body,
            seen=lambda answer: self._note_upload(request, answer, conditional),
        )

    def _conditional(
        self, request: web.Request, path: str, body_name: str | None
    ) -> tuple[tuple[str, str], Preconditions] | None:
        """The object and the preconditions of a request that has some."""
        if upload := self._uploads.get(request.query.get("upload_id", "")):
            return upload if _ends_upload(request) else None
        try:
            conditions = preconditions_of(request.query, request.headers)
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"Invalid precondition: {error}") from error
        found = permissions.object_of(path, request.query, body_name)
        return (found, conditions) if conditions and found is not None else None

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
        starts = request.query.get("uploadType") == "resumable" or is_signed_start(request)
        if conditional is not None and starts and "Location" in answer.headers:
            upload_id = URL(answer.headers["Location"]).query.get("upload_id", "")
            self._uploads.setdefault(upload_id, conditional)
        elif answer.status == 200:
            self._uploads.pop(request.query.get("upload_id", ""), None)

    def _object_url(self, bucket: str, name: str) -> URL:
        url = f"{self._upstream.url}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
        return URL(url, encoded=True)

    async def _missing_to_overwrite(self, bucket: str, name: str) -> Need | None:
        """What the account lacks to write an object that exists. It needs that even if a precondition would fail."""
        need = permissions.deletes(bucket, name)
        if self._policy.allows(self._account, need.permission, need.on):
            return None
        async with self._upstream.session.get(self._object_url(bucket, name)) as answer:
            return self._policy.first_missing(self._account, [need]) if answer.status == 200 else None

    def _condition_failed(self, request: web.Request, outcome: Outcome) -> web.Response:
        if outcome is Outcome.NOT_MODIFIED:
            return web.Response(status=304)
        return _error(request, 412, "conditionNotMet", WORDS, "PreconditionFailed")

    def _refuse(self, request: web.Request, need: Need) -> web.Response:
        message = permissions.words(need, self._policy.email(self._account))
        return _error(request, 403, "forbidden", message, "AccessDenied", xml_message="Access denied.")


def _error(
    request: web.Request, status: int, reason: str, message: str, xml_code: str, xml_message: str | None = None
) -> web.Response:
    """An error of the JSON API, or of the XML API for signed links."""
    if "/storage/v1" in request.path:
        error = {"message": message, "domain": "global", "reason": reason}
        return web.json_response({"error": {"code": status, "message": message, "errors": [error]}}, status=status)
    text = (
        f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{xml_code}</Code>"
        f"<Message>{escape(xml_message or message)}</Message><Details>{escape(message)}</Details></Error>"
    )
    return web.Response(status=status, text=text, content_type="application/xml")


def _ends_upload(request: web.Request) -> bool:
    """Whether a request brings the last part of a resumable upload: `bytes 0-9/10`, or all of it at once."""
    sent, _, total = request.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    last = sent.rpartition("-")[2]
    return not sent or (total.isdigit() and last.isdigit() and int(last) + 1 == int(total))


def _names_its_object_in_its_body(request: web.Request) -> bool:
    is_upload = request.path.startswith("/upload/") and "upload_id" not in request.query and "name" not in request.query
    return is_upload and request.method == "POST"


def _name_in(body: bytes | None) -> str | None:
    """The object's name in a resumable or multipart upload's first request."""
    if body is None:
        return None
    start = body.find(b"{")
    try:
        described, _ = json.JSONDecoder().raw_decode(
            body[start : start + MAX_DESCRIPTION_BYTES].decode("utf-8", "surrogateescape")
        )
    except ValueError:
        return None
    return str(described.get("name", "")) if isinstance(described, dict) else None
