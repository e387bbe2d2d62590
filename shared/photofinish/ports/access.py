"""API keys, rate limits and the audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.access import AlbumAccess, ApiKey, AuditEntry, AuditFilter, RateLimit
from photofinish.domain.audit_chain import StoredEntry

ALIKE_WITHIN_S = 5
"""An AWS signature contains the second of signing, so equal requests of one second have equal signatures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """How many rows :meth:`AccessStore.expire` deleted."""

    audit_entries: int
    rate_windows: int
    signatures: int
    found_faces: int


@dataclass(frozen=True, slots=True)
class PendingAccess:
    """What the access document of an album should contain."""

    revision: int
    access: AlbumAccess


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

    def take_and_read(
        self, bucket: str, limit: RateLimit, budgets: Sequence[str], *, cost: int = 1
    ) -> tuple[float, list[float]]:
        """Do what :meth:`take` does, and return also what :meth:`used_s` says of `budgets`, in one statement."""
        ...

    def charge(self, bucket: str, cost_s: float, *, budget_s: float) -> float:
        """Take `cost_s` seconds from a budget that regains one a second; return how many seconds are used then.

        Unlike :meth:`take`, which refuses, this may use up more than `budget_s`, by one cost at most.
        """
        ...

    def used_s(self, buckets: Sequence[str]) -> list[float]:
        """Return how many seconds of each budget are used."""
        ...

    def count_queries(self, faces: Sequence[bytes], query: bytes) -> list[int]:
        """Record that `query` found `faces`, all given as keyed hashes.

        Return for each of those for which `query` is new how many different queries found it, with this one, since the
        first of them, at most a day ago. The last 32 queries of a face are remembered. Faces must be distinct.
        """
        ...

    def remember_signature(self, signature: bytes, request_nonce: bytes, expires_at: datetime) -> bool:
        """Store the pair until `expires_at`; return False if it is stored already. Of concurrent calls one gets True.

        Also returns False if the signature was first seen, with another nonce, more than :data:`ALIKE_WITHIN_S` ago.
        """
        ...

    def album_access(self, album: str) -> AlbumAccess:
        """Return what signed-in users may do in the album; nothing until set."""
        ...

    def set_album_access(self, album: str, access: AlbumAccess) -> None:
        """Set it, and with it that the album's access document is out of date (:class:`AccessProjection`)."""
        ...

    def open_albums(self, *, anonymous: bool) -> frozenset[str]:
        """Return the albums that signed-in users may search, or users who signed in anonymously."""
        ...

    def append_audit(self, entry: AuditEntry) -> None:
        """Store the entry; nothing changes it, and only :meth:`expire` deletes it."""
        ...

    def audit_entries(self, *, album: str | None = None, since: datetime | None = None) -> Iterator[AuditEntry]:
        """Yield entries in the order in which they were stored, read page by page."""
        ...

    def audit_page(self, where: AuditFilter, *, before: int | None, limit: int) -> list[StoredEntry]:
        """Return up to `limit` entries, the newest first; `before`: only those with smaller numbers."""
        ...

    def entries_about(self, album: str, target: str) -> list[AuditEntry]:
        """Return the entries of `album` about one person or opt-out, oldest first."""
        ...

    def expire(self, *, audit_before: datetime) -> Expired:
        """Delete audit entries older than `audit_before`, full rate windows, expired signatures and query counts."""
        ...


class AccessProjection(Protocol):
    """Which albums' access documents are out of date, and what they should contain."""

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        """Take the album's lock for writing its document, so that an older state never follows a newer one.

        False where another process holds it.
        """
        ...

    def pending(self, album: str) -> PendingAccess | None:
        """Return what the album's document should contain; None if that was written."""
        ...

    def pending_albums(self) -> list[str]:
        """Albums whose document is out of date."""
        ...

    def done(self, album: str, revision: int) -> None:
        """Record that this revision was written; an album that changed since stays pending."""
        ...


class AccessDocuments(Protocol):
    """The access documents of albums, which Firestore's security rules read."""

    def write(self, album: str, access: AlbumAccess) -> None:
        """Replace the album's document. Twice equals once."""
        ...
