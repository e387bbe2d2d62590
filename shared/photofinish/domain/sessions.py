"""Sessions of pages: an opaque token stands for a key, a signed-in user or a share link until it ends."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from photofinish.domain.access import PrincipalKind, Scope

KEY_LIFETIME = timedelta(hours=12)
USER_LIFETIME = timedelta(hours=1)
"""As an ID token: changed claims and disabled users are noticed when the page signs in again."""
SHARE_LIFETIME = timedelta(days=7)
_TOKEN = re.compile(r"pfs_[a-z2-7]{52}")


@dataclass(frozen=True, slots=True)
class SessionToken:
    """``pfs_…``: 256 random bits, so its plain SHA-256 can be stored."""

    text: str = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        return cls("pfs_" + base64.b32encode(secrets.token_bytes(32)).decode("ascii").rstrip("=").lower())

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a token; return None if `text` is not one."""
        return cls(text) if _TOKEN.fullmatch(text) else None

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.text.encode("ascii")).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """For whom a token stands. Rights of keys and share links are read from these when a request comes."""

    kind: PrincipalKind
    principal_id: str
    """The key's id, the user's Firebase uid, or the share's id."""
    expires_at: datetime
    scope: Scope | None = None
    """Of a user with custom claims; None for all others."""
    albums: frozenset[str] | None = None
    """Of a user with custom claims; None: all."""
    is_anonymous: bool = False
    """Of a user."""
