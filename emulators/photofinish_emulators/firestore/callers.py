"""Who sends a request, from its ``Authorization`` header, as Google's emulator reads it.

``Bearer owner`` is an administrator: server client libraries send it when FIRESTORE_EMULATOR_HOST is set. An access
token of Google (``ya29.…``) is one, too: service accounts have them. A JSON Web Token is a user of Firebase; it may be
unsigned, as those that the SDKs make for ``mockUserToken``, and neither signature nor expiry are checked. Without a
token the caller is a user who has not signed in. https://firebase.google.com/docs/emulator-suite/connect_firestore
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from photofinish_emulators.common.rpc_errors import Refused, unauthenticated

_SCHEME = "bearer "
_OWNER = "owner"
_ACCESS_TOKEN = "ya29."  # noqa: S105 - the beginning of every token


@dataclass(frozen=True, slots=True)
class Caller:
    """``auth`` is ``request.auth`` of the rules: ``uid`` and ``token``; None for a user who has not signed in."""

    is_administrator: bool
    auth: dict[str, Any] | None = None


ADMINISTRATOR = Caller(is_administrator=True)
ANONYMOUS = Caller(is_administrator=False)


def caller(authorization: str | None) -> Caller:
    """
    Raises:
        Refused: UNAUTHENTICATED, the header is not one of these.
    """
    if not authorization:
        return ANONYMOUS
    if not authorization.lower().startswith(_SCHEME):
        raise _refusal()
    token = authorization[len(_SCHEME) :].strip()
    if token == _OWNER or token.startswith(_ACCESS_TOKEN):
        return ADMINISTRATOR
    claims = _claims(token)
    uid = claims.get("sub") or claims.get("user_id")
    if not isinstance(uid, str):
        raise _refusal()
    return Caller(is_administrator=False, auth={"uid": uid, "token": claims})


def _claims(token: str) -> dict[str, Any]:
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        raise _refusal() from None
    if not isinstance(claims, dict):
        raise _refusal()
    return claims


def _refusal() -> Refused:
    """The words of Google's APIs."""
    return unauthenticated(
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
