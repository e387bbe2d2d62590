"""Charges callers for what the answers to their searches by faces say about templates (`domain/probing.py`)."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Protocol

from cachetools import TTLCache

from photofinish.domain.access import Principal
from photofinish.domain.matching import Calibration
from photofinish.domain.probing import (
    BUDGET_S,
    DAY_S,
    NOTHING_FOUND_S,
    is_weak,
    query_cost_s,
    similarity_by_face,
    weak_cost_s,
)
from photofinish.domain.search_results import BestMatch
from photofinish.domain.secret_versions import SecretVersions
from photofinish.logs import fields
from photofinish.ports import AccessStore
from photofinish_functions.access.refusals import RateLimited

log = logging.getLogger(__name__)
_MAX_ALBUMS = 4096
_COUNTED_FOR_S = 600.0
_NOTICED_AGAIN_S = 3600.0  # a caller who goes on is audited once an hour by each instance


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSearch:
    """A search by faces of one caller in one album."""

    principal: Principal
    album: str
    request_id: str
    used_s: Sequence[float] | None = None
    """What was used of the caller's :meth:`Probing.budgets` when the request was admitted; None: not asked yet."""


class Record(Protocol):
    """Writes an audit entry, as :meth:`Gate.record` does."""

    def __call__(
        self, principal: Principal, action: str, *, album: str | None, target: str | None, outcome: str, request_id: str
    ) -> None: ...


class Probing:
    """Notices callers who probe an album's templates, slows them down, and audits them; shared by all instances."""

    def __init__(self, store: AccessStore, *, pepper: SecretVersions, record: Record) -> None:
        self._store = store
        self._pepper = pepper
        self._record = record
        self._faces_in: TTLCache[str, int] = TTLCache(_MAX_ALBUMS, _COUNTED_FOR_S)
        self._noticed: TTLCache[tuple[str, str, str], str] = TTLCache(_MAX_ALBUMS, _NOTICED_AGAIN_S)
        self._lock = Lock()

    def budgets(self, principal: Principal, album: str) -> list[str]:
        """Return the budgets that decide whether the principal may search by faces in `album`."""
        return [_bucket(principal), *self._weak_buckets(principal, album)]

    def admit(self, search: FaceSearch) -> bool:
        """Return whether only certain matches may be answered. Call it before the album is searched.

        Raises:
            RateLimited: the caller's budget is used up.
        """
        asked_s = search.used_s
        if asked_s is None:
            asked_s = self._store.used_s(self.budgets(search.principal, search.album))
        used_s, *weak_s = asked_s
        if used_s >= BUDGET_S:
            raise RateLimited(used_s - BUDGET_S + 1, search.principal)
        return max(weak_s) >= DAY_S

    def charge(
        self,
        search: FaceSearch,
        query: Sequence[bytes],
        best_matches: Sequence[BestMatch],
        calibration: Calibration,
        *,
        count_faces: Callable[[], int],
        are_vectors: bool = False,
    ) -> None:
        """Charge for an answer, before it is sent.

        `query` is what distinguishes the query from others: the vectors, or what the caller can change about stored
        ones. `are_vectors`: whether the caller sent vectors as numbers.
        """
        similarities = similarity_by_face(best_matches)
        if not similarities and not are_vectors:
            return
        # While the pepper is replaced, queries are counted with both values, so that no count starts again at zero.
        counts = [self._queries(pepper, search, query, similarities) for pepper in self._pepper.accepted]
        if not all(counts):
            return  # the same query was answered before
        found = ", ".join(similarities) or None
        self._take(search, max(map(query_cost_s, counts)) if similarities else NOTHING_FOUND_S, found)
        if similarities and all(is_weak(similarity, calibration) for similarity in similarities.values()):
            self._take_weak(search, weak_cost_s(self._count(search.album, count_faces)))

    def _queries(self, pepper: bytes, search: FaceSearch, query: Sequence[bytes], found: Collection[str]) -> list[int]:
        """Record the query for the faces that it found; return the counts of those for which it is new."""
        hashed = partial(_hash, pepper, search.principal, search.album)
        asked = hashed(b"query", *query)
        faces = [hashed(b"face", face_id.encode()) for face_id in found]
        return self._store.count_queries(faces or [hashed(b"nothing", asked)], asked)

    def _take(self, search: FaceSearch, cost_s: float, found: str | None) -> None:
        if cost_s == 0:
            return
        used_s = self._store.charge(_bucket(search.principal), cost_s, budget_s=BUDGET_S)
        if used_s >= BUDGET_S > used_s - cost_s:
            self._notice(search, "slowed", found)

    def _take_weak(self, search: FaceSearch, cost_s: float) -> None:
        budgets = self._weak_buckets(search.principal, search.album)
        used_s = max(self._store.charge(bucket, cost_s, budget_s=DAY_S) for bucket in budgets)
        if used_s >= DAY_S > used_s - cost_s:
            self._notice(search, "only certain matches", None)

    def _notice(self, search: FaceSearch, outcome: str, face_id: str | None) -> None:
        with self._lock:
            if (
                self._noticed.setdefault((_bucket(search.principal), search.album, outcome), search.request_id)
                != search.request_id
            ):
                return
        log.warning("searches probe templates", extra=fields(principal=_bucket(search.principal), album=search.album))
        self._record(
            search.principal,
            "probing",
            album=search.album,
            target=face_id,
            outcome=outcome,
            request_id=search.request_id,
        )

    def _count(self, album: str, count_faces: Callable[[], int]) -> int:
        with self._lock:
            counted = self._faces_in.get(album)
        if counted is None:
            counted = count_faces()
            with self._lock:
                self._faces_in[album] = counted
        return counted

    def _weak_buckets(self, principal: Principal, album: str) -> list[str]:
        hashes = (_hash(pepper, principal, album, b"weak").hex() for pepper in self._pepper.accepted)
        return [f"{_bucket(principal)}:weak:{digest}" for digest in hashes]


def _hash(pepper: bytes, principal: Principal, album: str, *parts: bytes) -> bytes:
    mac = hmac.new(pepper, digestmod=hashlib.sha256)
    for part in (principal.budget.encode(), album.encode(), *parts):
        mac.update(len(part).to_bytes(4, "big") + part)
    return mac.digest()[:16]


def _bucket(principal: Principal) -> str:
    return f"{principal.budget}:probing"
