"""Make API keys."""

from __future__ import annotations

from datetime import datetime

from photofinish.domain.access import ApiKey, PresentedKey, RateLimit, Scope
from photofinish.ports import AccessStore


def make_key(
    store: AccessStore,
    *,
    label: str,
    scope: Scope,
    albums: frozenset[str] | None,
    rate: RateLimit | None = None,
    now: datetime,
    expires_at: datetime | None,
    may_use_vectors: bool = False,
) -> tuple[ApiKey, PresentedKey]:
    """Store a new key, and return it with its secret, which is stored nowhere."""
    while True:
        presented = PresentedKey.generate()
        key = ApiKey(
            key_id=presented.key_id,
            secret_sha256=presented.secret_sha256,
            label=label,
            scope=scope,
            albums=albums,
            rate=rate,
            created_at=now,
            expires_at=expires_at,
            may_use_vectors=may_use_vectors,
        )
        if store.add_key(key):  # of 80 random bits, so that a second try is never seen
            return key, presented
