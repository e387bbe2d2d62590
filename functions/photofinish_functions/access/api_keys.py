"""The API key of a request."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from cachetools import TTLCache, cached
from werkzeug.datastructures import Headers

from photofinish.domain.access import ApiKey, PresentedKey
from photofinish.ports import AccessStore

KEEP_S = 5.0
"""How long an instance caches a key, and so may still accept it after it was revoked."""
_MAX_KEPT = 4096
_NO_SHA256 = bytes(32)
_BEARER = "bearer "
_USED_AGAIN_AFTER = timedelta(hours=1)


class ApiKeys:
    """The keys of an :class:`AccessStore`, cached and looked up by their id, which is not secret."""

    def __init__(self, store: AccessStore, *, now: Callable[[], datetime], keep_s: float = KEEP_S) -> None:
        self._now = now
        self._find = cached(TTLCache[str, ApiKey | None](_MAX_KEPT, keep_s), lock=Lock())(store.find_key)
        used: TTLCache[str, None] = TTLCache(_MAX_KEPT, _USED_AGAIN_AFTER.total_seconds())
        self._touch = cached(used, lock=Lock())(lambda key_id: store.touch_key(key_id, now()))

    def holder_of(self, presented: PresentedKey) -> ApiKey | None:
        """Return the presented key if it is valid. An unknown id takes as long as a wrong secret."""
        key = self._find(presented.key_id)
        stored = _NO_SHA256 if key is None else key.secret_sha256
        is_right = hmac.compare_digest(stored, presented.secret_sha256)
        return key if key is not None and is_right and key.is_valid(self._now()) else None

    def with_id(self, key_id: str) -> ApiKey | None:
        """Return the key of this id if it is valid; the caller still has to verify a proof of its secret."""
        key = self._find(key_id)
        return key if key is not None and key.is_valid(self._now()) else None

    def record_use(self, key: ApiKey) -> None:
        """Record that the key was used, at most once an hour."""
        self._touch(key.key_id)


def bearer_token(headers: Headers) -> str | None:
    """Return the token in ``Authorization: Bearer …``."""
    authorization = headers.get("Authorization", "")
    if authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].strip() or None
