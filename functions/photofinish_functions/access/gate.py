"""The gate that every request passes: authentication, rate limit, authorisation, audit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import TypeVar

from cachetools import TTLCache, cached
from flask import Request
from werkzeug.sansio.request import Request as RequestHead

from photofinish.domain.access import (
    AlbumAccess,
    ApiKey,
    AuditEntry,
    Principal,
    RateLimit,
    Reading,
    Scope,
)
from photofinish.domain.photo import is_album_name
from photofinish.logs import fields
from photofinish.ports import AccessStore, Sessions, Shares
from photofinish.settings import AdmissionSettings, SignedAccessSettings
from photofinish_functions.access.api_keys import KEEP_S, ApiKeys
from photofinish_functions.access.callers import Callers, presented_credential
from photofinish_functions.access.cookies import is_cross_site_change
from photofinish_functions.access.failures import FailureLimit, audited_network, hashed_network
from photofinish_functions.access.firebase_tokens import FirebaseTokens, SignedInUser
from photofinish_functions.access.page_sessions import Caller, PageSessions, Visitor
from photofinish_functions.access.permissions import claimed_by, including, permitted, without_claims
from photofinish_functions.access.probing import Probing
from photofinish_functions.access.refusal_audit import RefusalAudit
from photofinish_functions.access.refusals import (
    CrossSite,
    Denied,
    Forbidden,
    RateLimited,
    Unauthorized,
    UnknownShare,
)
from photofinish_functions.access.share_links import ShareLinks

log = logging.getLogger(__name__)
Found = TypeVar("Found")
Head = TypeVar("Head", bound=RequestHead)
_MAX_ALBUMS = 4096


class Gate:
    """Admits requests whose principal has the required scope; safe to share between threads.

    There is no open mode: every request needs a key, a token, a session or a signature.
    """

    def __init__(
        self,
        store: AccessStore,
        settings: AdmissionSettings,
        *,
        aws_service: str = "rekognition",
        sessions: Sessions | None = None,
        shares: Shares | None = None,
        keep_s: float = KEEP_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._keys = ApiKeys(store, now=now, keep_s=keep_s)
        self._album_access = cached(TTLCache[str, AlbumAccess](_MAX_ALBUMS, keep_s), lock=Lock())(store.album_access)
        self._failures = FailureLimit(
            store, settings.failure_rate, proxy_hops=settings.proxy_hops, pepper=settings.pepper
        )
        self._proxy_hops = settings.proxy_hops
        self._pepper = settings.pepper
        self._sessions = self._share_links = None
        if sessions is not None and shares is not None:
            self._sessions = PageSessions(sessions, shares, self._keys, now=now, keep_s=keep_s)
            self._share_links = ShareLinks(shares, store, now=now)
        project = settings.firebase_project
        self._callers = Callers(
            store=store,
            keys=self._keys,
            tokens=FirebaseTokens(project, settings.firebase_keys_url) if project else None,
            sessions=self._sessions,
            aws_service=aws_service,
            aws_key_secret=settings.aws_key_secret if isinstance(settings, SignedAccessSettings) else None,
            now=now,
        )
        self._refusals = RefusalAudit(store, now=now)
        self.probing = Probing(store, pepper=settings.pepper, record=self.record)
        self._user_rate = settings.user_rate
        self._share_rate = settings.share_rate
        self._sign_in_rate = settings.sign_in_rate
        self._key_rates = {
            Scope.SEARCH: settings.search_rate,
            Scope.WRITE: settings.write_rate,
            Scope.ADMIN: settings.admin_rate,
        }

    def admit(
        self,
        request: RequestHead,
        scope: Scope,
        album: str | None,
        *,
        cost: int = 1,
        reading: Reading = Reading.ALL,
    ) -> Principal:
        """Return the principal of an API key (`X-Api-Key` or Bearer), a Firebase ID token (Bearer) or a session.

        A session's token comes as Bearer, or in the cookie of a page.

        Reads headers only. The request counts as `cost` requests against the rate limit. `reading` is the least that
        the principal must be allowed to read.

        Raises:
            Unauthorized: the key or token is missing or not valid.
            RateLimited: the principal exceeded its rate.
            NotVisible: the principal may not know of such an album.
            Forbidden: the principal may see the album but not do this in it.
            CrossSite: a page of another site sent the request, which would change something, with a cookie.
            Unavailable: the database does not answer, and no request is admitted without it.
        """
        return self._admitted(request, scope, album, cost, reading)[0]

    def admit_face_search(
        self,
        request: RequestHead,
        scope: Scope,
        album: str,
        *,
        cost: int = 1,
        reading: Reading = Reading.ALL,
    ) -> tuple[Principal, list[float]]:
        """Do what :meth:`admit` does, and return also what is used of the principal's budgets of `probing`.

        They are read by the statement of the rate limit: one of their own would take as long again.
        """
        return self._admitted(request, scope, album, cost, reading, budgets=self.probing.budgets)

    def admit_anywhere(
        self, request: RequestHead, scope: Scope, *, cost: int = 1, reading: Reading = Reading.ALL
    ) -> Principal:
        """Return the principal of a request that is answered for whichever albums the principal may see.

        `reading` is the least that a visitor with a share link must be allowed to read in theirs.

        Raises:
            Unauthorized, RateLimited, Forbidden, CrossSite, Unavailable: as :meth:`admit`.
        """
        caller = self.authenticated(request, self._sender)
        self._check_site(request, caller)
        if isinstance(caller, ApiKey):
            return including(self._admit_key(caller, cost), scope)
        if isinstance(caller, Visitor):
            self._limit(caller.principal, self._share_rate, cost)
            if not caller.principal.reading.includes(reading):
                raise Forbidden(caller.principal)
            return including(caller.principal, scope)
        claimed = claimed_by(caller)
        self._limit(claimed, self._user_rate, cost)
        if scope is Scope.SEARCH and claimed.albums is not None:  # every signed-in user may search open albums
            opened = self._store.open_albums(anonymous=caller.is_anonymous)
            return replace(claimed, scope=Scope.SEARCH, albums=claimed.albums | opened, reading=Reading.FIND_ME)
        return including(claimed, scope)

    def admit_signed(self, request: Request, *, cost: int = 1) -> Principal:
        """Return the principal whose AWS credentials signed the request (Signature Version 4).

        Needs :class:`SignedAccessSettings`.

        What the request is about is known only from its body, which is not trusted before: check the principal with
        :func:`permitted` or :func:`including` then. Reads the whole body, which stays readable, if a valid key is named
        in the headers: limit it before, with the request's `max_content_length`.

        Raises:
            Unauthorized: the signature is missing, not valid, not timely, or was used before; see its `problem`.
            RateLimited, Unavailable: as :meth:`admit`.
        """
        return self._admit_key(self.authenticated(request, self._callers.signer), cost)

    def authenticated(self, request: Head, find: Callable[[Head], Found]) -> Found:
        """Return the caller that `find` finds; count failed authentications per network address."""
        try:
            return find(request)
        except Unauthorized as refusal:
            log.info("unauthorized", extra=fields(problem=refusal.problem))
            retry_after_s = self._failures.count(request)
            raise Unauthorized(refusal.problem, retry_after_s=retry_after_s) from None

    def _admitted(
        self,
        request: RequestHead,
        scope: Scope,
        album: str | None,
        cost: int,
        reading: Reading,
        *,
        budgets: Callable[[Principal, str], Sequence[str]] | None = None,
    ) -> tuple[Principal, list[float]]:
        """Return the principal and what is used of its `budgets` in the album."""
        caller = self.authenticated(request, self._sender)
        self._check_site(request, caller)
        if isinstance(caller, ApiKey):
            principal, limit = caller.principal, self._rate_of(caller)
        elif isinstance(caller, Visitor):
            principal, limit = caller.principal, self._share_rate
        else:
            principal, limit = claimed_by(caller), self._user_rate
        asked = budgets(principal, album) if budgets is not None and album is not None and is_album_name(album) else ()
        used_s = self._limit(principal, limit, cost, asked=asked)
        if isinstance(caller, ApiKey):
            self._keys.record_use(caller)
        elif isinstance(caller, SignedInUser):
            principal = self._as_principal(caller, scope, album)
        return permitted(principal, scope, album, reading), used_s

    def _rate_of(self, key: ApiKey) -> RateLimit:
        return key.rate or self._key_rates[key.scope]

    def valid_key(self, key_id: str) -> ApiKey | None:
        """Return the key of this id if it is valid, for a caller that proved otherwise that it acts for its holder."""
        return self._keys.with_id(key_id)

    def spend(self, principal: Principal, budget: str, limit: RateLimit) -> None:
        """Take one from a budget that the principal has besides its rate; raise RateLimited when it is empty."""
        self._limit(principal, limit, 1, budget=budget)

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
        network: str | None = None,
    ) -> None:
        """Write an audit entry for a search or change. Call it before the answer is sent.

        `outcome` is ``200``, or the status and code of an error: ``404 unknown_photo``. Biometric data, boxes and bib
        numbers must not be in it.
        """
        self._refusals.write_due()
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
                network=network,
            )
        )

    def network_of(self, request: RequestHead) -> str | None:
        """Return where a request came from, as the audit keeps it; None where that is not known."""
        return audited_network(request, self._proxy_hops)

    def record_failure(self, *, request_id: str, network: str | None) -> None:
        """Audit a failed authentication, counted per minute and network, through :class:`RefusalAudit`."""
        self._refusals.add(
            AuditEntry(
                principal="none",
                principal_id="",
                action="authenticate",
                album=None,
                target=None,
                outcome="401 unauthorized",
                request_id=request_id,
                network=network,
            )
        )

    def record_refusal(
        self,
        refusal: Denied,
        action: str,
        *,
        album: str | None,
        outcome: str,
        request_id: str,
        network: str | None = None,
    ) -> None:
        """Audit that a principal was refused, through :class:`RefusalAudit`."""
        if refusal.principal is not None:
            self._refusals.add(
                AuditEntry(
                    principal=refusal.principal.kind,
                    principal_id=refusal.principal.id,
                    action=action,
                    album=album,
                    target=None,
                    outcome=outcome,
                    request_id=request_id,
                    network=network,
                )
            )

    def admit_sign_in(self, request: RequestHead) -> None:
        """Admit a request without credentials that opens a share link or signs in; limits these per network.

        Raises:
            RateLimited, Unavailable: as :meth:`admit`.
        """
        bucket = f"sign-in:{self._network(request)}"
        wait_s = self._store.take(bucket, self._sign_in_rate)
        if wait_s > 0:
            log.info("rate limited", extra=fields(principal=bucket, wait_s=wait_s))
            raise RateLimited(wait_s)

    def open_share(self, request: RequestHead, token: str, pin: str | None) -> Visitor:
        """Return the visitor with a share link; raises what :meth:`ShareLinks.open` does, and counts unknown links."""
        assert self._share_links is not None, "made with share links"
        try:
            return self._share_links.open(token, pin, self._network(request))
        except UnknownShare as refusal:
            if refusal.principal is None:
                self._failures.count(request)
            raise

    def holder_or_user(self, request: RequestHead, credential: str) -> ApiKey | SignedInUser:
        """Return the holder of an API key or of an ID token, for a new session; raises Unauthorized."""
        return self.authenticated(request, lambda _: self._callers.holder_or_user(credential))

    @property
    def sessions(self) -> PageSessions:
        """The sessions of pages."""
        assert self._sessions is not None, "made with sessions"
        return self._sessions

    def _network(self, request: RequestHead) -> str:
        return hashed_network(request, self._proxy_hops, self._pepper.current)

    def _sender(self, request: RequestHead) -> Caller:
        return self._callers.sender(request, self._network(request))

    def _check_site(self, request: RequestHead, caller: Caller) -> None:
        """Refuse requests of other sites' pages to which the browser added the cookie."""
        if presented_credential(request) is None and is_cross_site_change(request):
            raise CrossSite(claimed_by(caller) if isinstance(caller, SignedInUser) else caller.principal)

    def _admit_key(self, key: ApiKey, cost: int) -> Principal:
        self._limit(key.principal, self._rate_of(key), cost)
        self._keys.record_use(key)
        return key.principal

    def _as_principal(self, user: SignedInUser, scope: Scope, album: str | None) -> Principal:
        """Return the user's granted rights, or what every signed-in user may do in an open album."""
        granted = user.granted
        if granted is not None and granted.may(scope, album):
            return granted
        nothing = without_claims(user)
        if album is None or not is_album_name(album) or (granted is not None and granted.sees(album)):
            return granted or nothing
        reading = self._album_access(album).reading(anonymous=user.is_anonymous)
        return nothing if reading is None else replace(nothing, albums=frozenset({album}), reading=reading)

    def _limit(
        self, principal: Principal, limit: RateLimit, cost: int, budget: str | None = None, asked: Sequence[str] = ()
    ) -> list[float]:
        """Take `cost` from the principal's rate, or from `budget`; return what is used of the budgets `asked`."""
        bucket = principal.budget + ("" if budget is None else f":{budget}")
        wait_s, used_s = self._store.take_and_read(bucket, limit, asked, cost=cost)
        if wait_s > 0:
            log.info("rate limited", extra=fields(principal=bucket, wait_s=wait_s))
            raise RateLimited(wait_s, principal)
        return used_s
