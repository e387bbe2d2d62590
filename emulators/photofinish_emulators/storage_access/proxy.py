"""Cloud Storage for service accounts: checks each request's permission, and passes it on to fake-gcs-server.

Each account has a port of its own. Addresses in answers name that port, too, so that what follows a listing or the
start of an upload is checked as well. A signed link grants what its signer may do: it names the signer's port.
"""

from __future__ import annotations

from aiohttp import web

from photofinish_emulators.common.iam import Need, Policy
from photofinish_emulators.storage_access import permissions
from photofinish_emulators.storage_access.conditional import (
    Conditional,
    ConditionalRequests,
    described_object,
    name_in,
)
from photofinish_emulators.storage_access.errors import error_answer

# An upload that names its object in its body is read whole: the clients send larger ones than 8 MiB in parts.
MAX_BODY_BYTES = 64 * 1024 * 1024


class AccountProxy:
    """Serves one account."""

    def __init__(self, requests: ConditionalRequests, policy: Policy, account: str, own_url: str) -> None:
        self._requests = requests
        self._policy = policy
        self._account = account
        self._own_url = own_url

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await described_object(request)
        body_name = name_in(body)
        wanted = permissions.needs(request.method, request.rel_url.raw_path, request.query, body_name)
        conditional = self._requests.of(request, body_name)
        missing = self._policy.first_missing(self._account, wanted.permissions)
        if missing is None and wanted.overwrites is not None and not creates_only(conditional):
            missing = await self._missing_to_overwrite(*wanted.overwrites)
        if missing is not None:
            return self._refuse(request, missing)
        if wanted.overwrites is not None and (problem := permissions.name_problem(wanted.overwrites[1])) is not None:
            return error_answer(request, 400, "invalid", problem, "InvalidArgument")
        return await self._requests.answer(request, self._own_url, body, conditional)

    async def _missing_to_overwrite(self, bucket: str, name: str) -> Need | None:
        """What the account lacks to overwrite an object, if there is one."""
        need = permissions.deletes(bucket, name)
        if self._policy.allows(self._account, need.permission, need.on):
            return None
        return need if await self._requests.exists(bucket, name) else None

    def _refuse(self, request: web.Request, need: Need) -> web.Response:
        message = permissions.words(need, self._policy.email(self._account))
        return error_answer(request, 403, "forbidden", message, "AccessDenied", xml_message="Access denied.")


def creates_only(conditional: Conditional | None) -> bool:
    """Whether a request requires that there is no such object: then it overwrites none, and needs no right to.

    The permission "is only required for uploads that overwrite an existing object":
    https://docs.cloud.google.com/storage/docs/performing-resumable-uploads
    """
    return conditional is not None and conditional[1].match.get("generation") == 0
