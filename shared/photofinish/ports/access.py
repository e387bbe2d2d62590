"""API keys, rate limits and the audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.access import ApiKey, AuditEntry, RateLimit

ALIKE_WITHIN_S = 5
"""An AWS signature contains the second of signing, so equal requests of one second have equal signatures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """How many rows :meth:`AccessStore.expire` deleted."""

    audit_entries: int
    rate_windows: int
    signatures: int


class AccessStore(Protocol):
    """API keys, rate limits, used signatures, albums open to users, and the audit; shared by all instances.

    Postgres is the only implementation: the promises about concurrent calls rest on its transactions.
    """

    def add_key(self, key: ApiKey) -> bool:
        """Store a new key. Return False and change nothing if its id is taken."""
        ...

    def find_key(self, key_id: str) -> ApiKey | None:
        """Return the key with this id, even if it is revoked or expired."""
        ...

    def list_keys(self) -> list[ApiKey]:
        """Return all keys, oldest first."""
        ...

    def revoke_key(self, key_id: str) -> bool:
        """Revoke a key; twice equals once. Return False if there is no key with this id."""
        ...

    def touch_key(self, key_id: str, at: datetime) -> None:
        """Record that the key was used at `at`, unless a use within the hour before is already recorded."""
        ...

    def take(self, bucket: str, limit: RateLimit, *, cost: int = 1) -> float:
        """Take `cost` tokens (at most a full burst) from `bucket`; return 0.0, or the seconds to wait before a retry.

        A refused call takes nothing. Concurrent calls never get more than `limit` together.
        """
        ...

    def remember_signature(self, signature: bytes, request_nonce: bytes, expires_at: datetime) -> bool:
        """Store the pair until `expires_at`; return False if it is stored already. Of concurrent calls one gets True.

        Also returns False if the signature was first seen, with another nonce, more than :data:`ALIKE_WITHIN_S` ago.
        """
        ...

    def users_may_search(self, album: str) -> bool:
        """Whether signed-in users may search the album; False until set."""
        ...

    def set_users_may_search(self, album: str, allowed: bool) -> None: ...

    def open_albums(self) -> frozenset[str]:
        """Return the albums that signed-in users may search."""
        ...

    def append_audit(self, entry: AuditEntry) -> None:
        """Store the entry; nothing changes it, and only :meth:`expire` deletes it."""
        ...

    def audit_entries(self, *, album: str | None = None, since: datetime | None = None) -> Iterator[AuditEntry]:
        """Yield entries in the order in which they were stored, read page by page."""
        ...

    def expire(self, *, audit_before: datetime) -> Expired:
        """Delete audit entries older than `audit_before`, full rate windows, and expired signatures."""
        ...
