"""The gate that every request passes: who is it, how often do they come, may they do this, and what did they do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Request

from photofinish.domain.access import AuditEntry, PresentedKey, Principal, RateLimit, Scope
from photofinish.domain.photo import is_album_name
from photofinish.logs import fields
from photofinish.ports import AccessStore
from photofinish.settings import AccessSettings
from photofinish_functions.access.api_keys import ApiKeys, bearer_token
from photofinish_functions.access.refusals import Forbidden, NotVisible, RateLimited, Unauthorized

log = logging.getLogger(__name__)


class Gate:
    """Admits requests of principals that may do what they ask for; safe to share between threads.

    There is no open mode: without a key or token nobody is admitted.
    """

    def __init__(
        self, store: AccessStore, settings: AccessSettings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._keys = ApiKeys(store, now=now)
        self._limits = {
            Scope.SEARCH: settings.search_rate,
            Scope.WRITE: settings.write_rate,
            Scope.ADMIN: settings.admin_rate,
        }

    def admit(self, request: Request, scope: Scope, album: str | None, *, cost: int = 1) -> Principal:
        """Who asks with an API key (`X-Api-Key`, or Bearer) or a Firebase ID token (Bearer).

        Reads headers only. `cost` counts that many requests against the limit.

        Raises:
            Unauthorized: nobody we know.
            RateLimited: they come too often.
            NotVisible: they may know of no album of this name.
            Forbidden: they may know of the album, and not do this in it.
            Unavailable: the database does not answer; nobody is admitted without it.
        """
        text = request.headers.get("X-Api-Key", "").strip() or bearer_token(request.headers)
        presented = PresentedKey.parse(text) if text else None
        key = None if presented is None else self._keys.holder_of(presented)
        if key is None:
            raise Unauthorized
        self._limit(f"key:{key.key_id}", key.rate or self._limits[key.scope], cost)
        self._keys.record_use(key)
        return _permitted(key.principal, scope, album)

    def admit_signed(self, request: Request, scope: Scope, album: str | None, *, cost: int = 1) -> Principal:
        """Who signed the request with AWS credentials of a key (Signature Version 4); reads its whole body.

        Raises:
            Unauthorized: it is not signed, or not by credentials of a valid key, or not now, or came before.
            RateLimited, NotVisible, Forbidden, Unavailable: as :meth:`admit`.
        """
        raise Unauthorized

    def record(
        self,
        principal: Principal,
        action: str,
        *,
        album: str | None,
        target: str | None = None,
        outcome: str,
        request_id: str,
        count: int | None = None,
    ) -> None:
        """Write down that `principal` searched or changed something; answer only afterwards.

        `outcome` is ``200``, or an error's status and code: ``404 unknown_photo``. Nothing biometric, no box and no
        bib number belongs in here.
        """
        self._store.append_audit(
            AuditEntry(
                principal=principal.kind,
                principal_id=principal.id,
                action=action,
                album=album,
                target=target,
                outcome=outcome,
                request_id=request_id,
                count=count,
            )
        )

    def _limit(self, bucket: str, limit: RateLimit, cost: int) -> None:
        wait_s = self._store.take(bucket, limit, cost=cost)
        if wait_s > 0:
            log.info("rate limited", extra=fields(principal=bucket, wait_s=wait_s))
            raise RateLimited(wait_s)


def _permitted(principal: Principal, scope: Scope, album: str | None) -> Principal:
    """`principal`, where it may do this.

    Raises:
        NotVisible: the album is none it may know of; an album that exists and one that does not are answered alike.
        Forbidden: it knows of the album, or no single album is asked for.
    """
    if album is not None and not (is_album_name(album) and principal.sees(album)):
        raise NotVisible
    if not principal.may(scope, album):
        raise Forbidden
    return principal
