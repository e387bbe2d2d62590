"""Share links: a secret in a URL that lets anyone who has it find their photos in one album, until it ends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self

from photofinish.domain.access import Reading
from photofinish.domain.album_card import Downloads

MAX_LABEL_CHARS = 200
DEFAULT_LIFETIME = timedelta(days=90)
MAX_DAYS = 730
"""From today to the last day of a link."""
PIN = re.compile(r"[0-9]{4,8}")
_TOKEN_BYTES = 20
_TOKEN = re.compile(r"[a-z2-7]{32}")
# OWASP's password storage cheat sheet has 2^17, which takes 128 MiB a check; a PIN of few digits gains little by it.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 1
_SALT_BYTES = 16
_DIGEST_BYTES = 32


class ShareMay(StrEnum):
    """What visitors with a share link may do in its album."""

    FIND = "find"
    """Find themselves by selfie or bib number."""
    BROWSE = "browse"
    """See all photos, too."""

    @property
    def reading(self) -> Reading:
        return Reading.BROWSE if self is ShareMay.BROWSE else Reading.FIND_ME


@dataclass(frozen=True, slots=True)
class ShareToken:
    """The secret of a share link: 160 random bits, so its plain SHA-256 can be stored."""

    text: str = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        return cls(base64.b32encode(secrets.token_bytes(_TOKEN_BYTES)).decode("ascii").lower())

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a token; capitals count as small letters, as QR codes may have them. None if `text` is not one."""
        folded = text.strip().lower()
        return cls(folded) if _TOKEN.fullmatch(folded) else None

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.text.encode("ascii")).digest()


@dataclass(frozen=True, slots=True)
class PinHash:
    """A PIN as it is stored: scrypt with a salt of its own. The limit of attempts protects it, not the few digits."""

    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, pin: str) -> Self:
        """Hash a PIN; raises ValueError if it is not 4 to 8 digits."""
        if not PIN.fullmatch(pin):
            raise ValueError("a PIN has 4 to 8 digits")
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(salt, _scrypt(pin, salt))

    @classmethod
    def from_stored(cls, stored: bytes) -> Self:
        """Read what :attr:`stored` gave."""
        return cls(stored[:_SALT_BYTES], stored[_SALT_BYTES:])

    @property
    def stored(self) -> bytes:
        return self.salt + self.digest

    def is_of(self, pin: str) -> bool:
        return hmac.compare_digest(self.digest, _scrypt(pin, self.salt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share link as it is stored, without its token."""

    share_id: str
    album: str
    label: str | None
    """For organisers: where the link was given."""
    may: ShareMay
    downloads: Downloads
    pin: PinHash | None = field(repr=False)
    expires_at: datetime
    created_at: datetime
    revoked_at: datetime | None = None

    @property
    def has_pin(self) -> bool:
        return self.pin is not None

    def is_open(self, at: datetime) -> bool:
        return self.revoked_at is None and at < self.expires_at


def end_of(day: date) -> datetime:
    """Return when a share that expires on `day` ends: at the end of the day, UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def latest_end(now: datetime) -> datetime:
    """Return the latest time at which a share that is made `now` may end: the end of its last day, UTC."""
    return end_of(now.astimezone(UTC).date() + timedelta(days=MAX_DAYS))


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        pin.encode("ascii", "replace"), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, dklen=_DIGEST_BYTES
    )
