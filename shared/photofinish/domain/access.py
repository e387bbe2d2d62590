"""Authentication and authorisation: API keys, principals, scopes, rate limits, audit entries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Self

PrincipalKind = Literal["key", "user", "share"]

MAX_LABEL_CHARS = 200
KEY_LIFETIME = timedelta(days=365)
"""Of a key whose maker says nothing else."""
_SECRET_BYTES = 32
_KEY_ID = "[a-z2-7]{16}"
_KEY = re.compile(rf"pf_({_KEY_ID})_([a-z2-7]{{52}})")
_AWS_PREFIX = "PFAK"
_AWS_ACCESS_KEY_ID = re.compile(rf"{_AWS_PREFIX}([A-Z2-7]{{16}})")
_AWS_CONTEXT = b"photofinish/aws-secret-access-key/"
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(\d+)")


class Scope(StrEnum):
    """What a principal may do; each scope includes those before it."""

    SEARCH = "search"
    """Search photos and people."""
    WRITE = "write"
    """Enrol, rename, confirm, index, delete."""
    ADMIN = "admin"
    """Open albums to signed-in users; delete albums."""

    def includes(self, other: Scope) -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(other)


class Reading(StrEnum):
    """What a principal may read of a visible album; each includes those before it."""

    FIND_ME = "find_me"
    """The photos of one person, by selfie or bib number, and nothing about others."""
    BROWSE = "browse"
    """List and show all photos, too, but not people and names."""
    ALL = "all"
    """Whatever the scope allows."""

    def includes(self, other: Reading) -> bool:
        order = list(Reading)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumAccess:
    """What users who are signed in with Firebase may do in an album without custom claims; by default nothing.

    The security rules of Firestore (`terraform/firestore/firestore.rules`) decide the same from its document.
    """

    users_may_search: bool = False
    """They may find themselves (:attr:`Reading.FIND_ME`)."""
    users_may_browse: bool = False
    """They may list and show all photos, too (:attr:`Reading.BROWSE`)."""
    anonymous_users: bool = False
    """Users who signed in anonymously count as signed in."""

    def __post_init__(self) -> None:
        if self.users_may_browse and not self.users_may_search:
            raise ValueError("users_may_browse: only where users_may_search is true")

    def reading(self, *, anonymous: bool) -> Reading | None:
        """Return what a signed-in user may read; None: the album is not visible."""
        if not self.users_may_search or (anonymous and not self.anonymous_users):
            return None
        return Reading.BROWSE if self.users_may_browse else Reading.FIND_ME


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request: an API key, a signed-in user, or a visitor with a share link."""

    kind: PrincipalKind
    id: str
    """The key's id, the user's Firebase uid or the share's id: not secret, and recorded in the audit."""
    scope: Scope
    albums: frozenset[str] | None
    """The albums visible to this principal; None: all."""
    may_use_vectors: bool = False
    """Whether it may send and receive embeddings as numbers. No scope includes this, and no signed-in user has it."""
    reading: Reading = Reading.ALL
    """What it may read of these albums; below ALL for users without custom claims and visitors with a share link."""
    network: str | None = None
    """Keyed hash of the network of a visitor with a share link, whom the link's id alone does not tell apart."""

    @property
    def budget(self) -> str:
        """Whose requests count together against rates and budgets."""
        return f"{self.kind}:{self.id}" + ("" if self.network is None else f":{self.network}")

    def sees(self, album: str) -> bool:
        return self.albums is None or album in self.albums

    def may(self, scope: Scope, album: str | None) -> bool:
        """Whether the principal has `scope` in `album`; for None, in all albums."""
        return self.scope.includes(scope) and (self.albums is None if album is None else self.sees(album))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A token bucket: `burst` requests at once, `per_second` in the long run."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.per_second) and self.per_second > 0 and self.burst >= 1):
            raise ValueError("a rate must be positive, and a burst at least 1")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``20/60``: 20 a second in the long run, 60 at once.

        Raises:
            ValueError: `text` is not such a pair.
        """
        found = _RATE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"write a rate as requests per second/burst, such as 20/60, not {text[:40]!r}")
        return cls(per_second=float(found[1]), burst=int(found[2]))

    def __str__(self) -> str:
        return f"{self.per_second:.12g}/{self.burst}"


class KeyState(StrEnum):
    """Whether a key is accepted."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is stored, without its secret."""

    key_id: str
    secret_sha256: bytes = field(repr=False)
    label: str
    scope: Scope
    albums: frozenset[str] | None
    rate: RateLimit | None
    """None: the limit of its scope."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """With a precision of an hour."""
    may_use_vectors: bool = False
    """See :attr:`Principal.may_use_vectors`."""

    def is_valid(self, at: datetime) -> bool:
        return self.state(at) is KeyState.VALID

    def state(self, at: datetime) -> KeyState:
        if self.revoked_at is not None:
            return KeyState.REVOKED
        return KeyState.VALID if self.expires_at is None or at < self.expires_at else KeyState.EXPIRED

    @property
    def principal(self) -> Principal:
        return Principal("key", self.key_id, self.scope, self.albums, self.may_use_vectors)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """``pf_<key_id>_<secret>``, as sent in a request.

    The secret has 256 random bits, so its plain SHA-256 can be stored: it cannot be guessed.
    """

    key_id: str
    secret: str = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        return cls(_base32(secrets.token_bytes(10)), _base32(secrets.token_bytes(_SECRET_BYTES)))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a key; return None if `text` is not one."""
        found = _KEY.fullmatch(text)
        return None if found is None else cls(found[1], found[2])

    @property
    def text(self) -> str:
        """The complete key, to hand to its owner. The only place where it is put together."""
        return f"pf_{self.key_id}_{self.secret}"

    @property
    def secret_sha256(self) -> bytes:
        return hashlib.sha256(self.secret.encode("ascii")).digest()


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """The credentials of an API key for AWS SDKs; derived on each request, never stored."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def of(cls, key_id: str, aws_key_secret: bytes) -> Self:
        """Derive the credentials of `key_id` from the deployment's secret (PHOTOFINISH_AWS_KEY_SECRET)."""
        mac = hmac.new(aws_key_secret, _AWS_CONTEXT + key_id.encode("ascii"), hashlib.sha256).digest()
        return cls(f"{_AWS_PREFIX}{key_id.upper()}", base64.urlsafe_b64encode(mac).decode("ascii").rstrip("="))


def key_id_of(access_key_id: str) -> str | None:
    """Return the API key's id for an AWS access key id; None if it is not one of ours."""
    found = _AWS_ACCESS_KEY_ID.fullmatch(access_key_id)
    return None if found is None else found[1].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A search, a change or a refusal; never contains a vector, a picture, a box or a bib number."""

    principal: PrincipalKind | Literal["none"]
    """``none`` for failed authentications, with an empty `principal_id`."""
    principal_id: str
    action: str
    album: str | None
    target: str | None
    """The id of the photo, person or face that was changed or shown."""
    outcome: str
    """``200``, or a status and the code of the error: ``404 unknown_photo``."""
    request_id: str
    count: int | None = None
    """Number of results or changes; for refusals, how many equal ones since the previous entry."""
    network: str | None = None
    """Where the request came from, by its first bits: ``203.0.113.0/24``, ``2001:db8:1:2::/64``; None: not known."""
    at: datetime | None = None
    """Time of the database; None until stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries of the audit to list; None: any."""

    album: str | None = None
    action: str | None = None
    principal_id: str | None = None
    target: str | None = None
    since: datetime | None = None
    """Inclusive."""
    until: datetime | None = None
    """Exclusive."""


def is_label(text: str) -> bool:
    """Whether `text` can say whose a key is and what for: 1 to 200 printable characters, not only spaces."""
    return bool(text.strip()) and len(text) <= MAX_LABEL_CHARS and text.isprintable()


def _base32(content: bytes) -> str:
    return base64.b32encode(content).decode("ascii").rstrip("=").lower()
