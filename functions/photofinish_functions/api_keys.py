"""Who may search: API keys, of which the service knows SHA-256 hashes alone.

A plain hash is enough because a key is long and random (`photofinish` makes 256 bits), so nobody can guess from a hash
what a person might have chosen.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from werkzeug.datastructures import Headers

from photofinish.errors import Misconfigured

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The keys that are accepted."""

    sha256s: tuple[str, ...] = field(repr=False)

    @classmethod
    def from_setting(cls, text: str) -> ApiKeys:
        """Read hexadecimal SHA-256 hashes, comma separated.

        Raises:
            Misconfigured: there is none, or one is no such hash; there is no way to run open to everybody.
        """
        sha256s = tuple(part.strip().lower() for part in text.split(",") if part.strip())
        if not sha256s or not all(_SHA256.fullmatch(sha256) for sha256 in sha256s):
            raise Misconfigured(
                "PHOTOFINISH_API_KEY_SHA256S: give the hexadecimal SHA-256 of at least one API key, several comma "
                'separated (printf %s "$KEY" | sha256sum).'
            )
        return cls(sha256s)

    def accept(self, key: str) -> bool:
        """Whether `key` is one of them; takes as long for a wrong key as for a right one."""
        sha256 = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        # Every hash is compared, whichever fits.
        return sum(hmac.compare_digest(sha256, known) for known in self.sha256s) > 0


def presented_key(headers: Headers) -> str | None:
    """The key in `Authorization: Bearer …`, or else in `X-Api-Key`; None without either."""
    authorization = headers.get("Authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip() or None
    return headers.get("X-Api-Key", "").strip() or None
