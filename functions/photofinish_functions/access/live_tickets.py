"""Tickets that open one live stream: browsers cannot send a key with an EventSource or a WebSocket.

A ticket names the caller and the album, is valid for a minute, and opens one connection, so it may be part of a URL.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from photofinish.domain.access import PrincipalKind, Reading
from photofinish.domain.secret_versions import SecretVersions

TICKET_S = 60
_CONTEXT = b"photofinish/live-tickets/"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTicket:
    """Who may open a stream of which album, until when."""

    kind: PrincipalKind
    principal_id: str
    album: str
    reading: Reading
    """What the caller may read of the album."""
    expires_at_s: int
    """Unix time."""
    digest: bytes
    """Of the whole ticket, by which its use is remembered."""


class LiveTickets:
    """Signs and reads tickets.

    `secret` is the deployment's PHOTOFINISH_PEPPER, not PHOTOFINISH_TOKEN_SECRET: the function that reads tickets
    reads the pepper anyway, and with it cannot sign links to pictures.
    """

    def __init__(self, secret: SecretVersions, *, now_s: Callable[[], float] = time.time) -> None:
        self._keys = [hmac.digest(value, _CONTEXT, hashlib.sha256) for value in secret.accepted]
        self._now_s = now_s

    def ticket(self, kind: PrincipalKind, principal_id: str, album: str, *, reading: Reading = Reading.ALL) -> str:
        """Return a new ticket as letters, digits, `-`, `_` and one `.`."""
        expires_at_s = int(self._now_s()) + TICKET_S
        statement = [kind, principal_id, album, expires_at_s, secrets.token_urlsafe(12), reading]
        payload = _base64(json.dumps(statement, separators=(",", ":")).encode())
        return f"{payload}.{_mac(self._keys[0], payload)}"

    def read(self, text: str) -> LiveTicket | None:
        """Return what :meth:`ticket` signed; None if it was changed or has expired."""
        payload, _, mac = text.rpartition(".")
        if not any(hmac.compare_digest(mac.encode(), _mac(key, payload).encode()) for key in self._keys):
            return None
        try:
            signed = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            kind, principal_id, album, expires_at_s, _, reading = signed
        except (binascii.Error, ValueError):
            return None
        if expires_at_s <= self._now_s():
            return None
        return LiveTicket(
            kind=kind,
            principal_id=principal_id,
            album=album,
            reading=Reading(reading),
            expires_at_s=expires_at_s,
            digest=hashlib.sha256(text.encode()).digest(),
        )


def _mac(key: bytes, payload: str) -> str:
    return _base64(hmac.digest(key, payload.encode(), hashlib.sha256))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")
