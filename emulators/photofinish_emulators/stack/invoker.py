"""The application of a function, served as Cloud Run serves one that requires authentication.

    gunicorn photofinish_emulators.stack.invoker:app

A request needs an ID token of an account that may invoke the service, issued for its address:
https://docs.cloud.google.com/run/docs/authenticating/service-to-service. Without a valid one the answer is 401, with
one of another account 403. Locally the Pub/Sub server issues tokens, and its key set verifies them.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import exceptions, jwt

log = logging.getLogger(__name__)
ISSUERS = ("https://accounts.google.com", "accounts.google.com")
# The environment of a function that only some accounts may invoke.
KEYS, AUDIENCE, INVOKERS = "INVOKER_KEYS", "INVOKER_AUDIENCE", "INVOKER_ACCOUNTS"

Start = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


class RequireInvoker:
    """Passes requests on to ``application`` if their token is of one of ``invokers`` (emails)."""

    def __init__(self, application: Application, keys: Path, audience: str, invokers: frozenset[str]) -> None:
        self._application = application
        self._keys = keys
        self._audience = audience
        self._invokers = invokers

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        try:
            if kind.lower() != "bearer":
                raise ValueError("no bearer token")
            email = self._verified_email(token)
        except (ValueError, exceptions.GoogleAuthError, OSError) as error:
            return _refuse(start_response, "401 Unauthorized", str(error))
        if email not in self._invokers:
            return _refuse(start_response, "403 Forbidden", f"{email} lacks run.routes.invoke")
        return self._application(environ, start_response)

    def _verified_email(self, token: str) -> str:
        claims = jwt.decode(token, certs=_certificates(self._keys), audience=self._audience)  # type: ignore[no-untyped-call]
        if claims.get("iss") not in ISSUERS:
            raise ValueError(f"issued by {claims.get('iss')}")
        if not claims.get("email_verified"):
            raise ValueError("it names no verified email")
        return str(claims["email"])


def _certificates(keys: Path) -> dict[str, bytes]:
    """Public keys by id. Read each time: the server makes its key at the first token."""
    found = {}
    for key in json.loads(keys.read_text())["keys"]:
        n, e = (int.from_bytes(base64.urlsafe_b64decode(key[name] + "==")) for name in ("n", "e"))
        found[key["kid"]] = (
            rsa.RSAPublicNumbers(e, n)
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
    return found


def _refuse(start_response: Start, status: str, why: str) -> Iterable[bytes]:
    log.warning("the request was not authenticated: %s", why)  # as Cloud Run logs it
    start_response(status, [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
    return [f"Error: {status}. Your client does not have permission to get this URL.\n".encode()]


def __getattr__(name: str) -> Any:
    """Make ``app`` when gunicorn asks for it, from the environment."""
    if name != "app":
        raise AttributeError(name)
    import functions_framework

    return RequireInvoker(
        functions_framework.create_app(),  # type: ignore[no-untyped-call]
        Path(os.environ[KEYS]),
        os.environ[AUDIENCE],
        frozenset(os.environ[INVOKERS].split(",")),
    )
