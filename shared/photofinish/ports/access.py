"""Who may do what, and the audit of what they did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.access import ApiKey, AuditEntry, RateLimit

ALIKE_WITHIN_S = 5
"""AWS signatures tell the second, so equal requests of one second have one signature, and come in about as close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What :meth:`AccessStore.expire` deleted."""

    audit_entries: int
    rate_windows: int
    signatures: int


class AccessStore(Protocol):
    """API keys, rate limits, signatures seen, who may search an album, and the audit: shared by all instances."""

    def add_key(self, key: ApiKey) -> bool:
        """Store a new key; False, and nothing changes, where its id is taken."""
        ...

    def find_key(self, key_id: str) -> ApiKey | None:
        """The key of this id, revoked and expired ones too."""
        ...

    def list_keys(self) -> list[ApiKey]:
        """Every key, oldest first."""
        ...

    def revoke_key(self, key_id: str) -> bool:
        """Refuse the key from now on; a second time changes nothing. False where there is none of this id."""
        ...

    def touch_key(self, key_id: str, at: datetime) -> None:
        """Record that the key was used at `at`; does nothing where an hour before is recorded."""
        ...

    def take(self, bucket: str, limit: RateLimit, *, cost: int = 1) -> float:
        """Take `cost` (at most a whole burst) from `bucket`: 0.0, or else the seconds to wait before the next try.

        What is refused takes nothing. However many take at once, never more than `limit` are admitted.
        """
        ...

    def remember_signature(self, signature: bytes, request_nonce: bytes, expires_at: datetime) -> bool:
        """Remember the pair until `expires_at`; False where it is remembered already: of many at once, one gets True.

        False as well where the signature was first seen, with another nonce, more than :data:`ALIKE_WITHIN_S` ago.
        """
        ...

    def users_may_search(self, album: str) -> bool:
        """Whether the album is open to everybody who is signed in; False until that is set."""
        ...

    def set_users_may_search(self, album: str, allowed: bool) -> None: ...

    def open_albums(self) -> frozenset[str]:
        """The albums that are open to everybody who is signed in."""
        ...

    def append_audit(self, entry: AuditEntry) -> None:
        """Store the entry for good: nothing changes it, and :meth:`expire` alone deletes it."""
        ...

    def audit_entries(self, *, album: str | None = None, since: datetime | None = None) -> Iterator[AuditEntry]:
        """Entries in the order in which they were stored, page by page."""
        ...

    def expire(self, *, audit_before: datetime) -> Expired:
        """Delete audit entries from before `audit_before`, full rate windows, and signatures too old to be used."""
        ...
