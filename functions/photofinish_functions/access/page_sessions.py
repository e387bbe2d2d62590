"""Sessions: whom their tokens stand for, how they start and end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any

from cachetools import TTLCache, cached
from cachetools.keys import hashkey

from photofinish.domain.access import ApiKey, Principal, Scope
from photofinish.domain.sessions import (
    KEY_LIFETIME,
    SHARE_LIFETIME,
    USER_LIFETIME,
    Session,
    SessionToken,
)
from photofinish.domain.shares import Share
from photofinish.ports import Sessions, Shares
from photofinish_functions.access.api_keys import ApiKeys
from photofinish_functions.access.firebase_tokens import SignedInUser

_MAX_KEPT = 8192


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who came by a share link, from which network (its keyed hash)."""

    share: Share
    network: str

    @property
    def principal(self) -> Principal:
        return Principal(
            "share",
            self.share.share_id,
            Scope.SEARCH,
            frozenset({self.share.album}),
            reading=self.share.may.reading,
            network=self.network,
        )


Caller = ApiKey | SignedInUser | Visitor
"""Who sent a request, as far as their credential tells."""


class PageSessions:
    """The sessions of a deployment, cached as keys are; safe to share between threads.

    A session says for whom it stands; what they may do is read from the key or the share when a request comes, so it
    ends with these.
    """

    def __init__(
        self, sessions: Sessions, shares: Shares, keys: ApiKeys, *, now: Callable[[], datetime], keep_s: float
    ) -> None:
        self._sessions = sessions
        self._keys = keys
        self._now = now
        self._found = TTLCache[Any, Session | None](_MAX_KEPT, keep_s)
        self._lock = Lock()
        self._find = cached(self._found, lock=self._lock)(lambda token_sha256: sessions.find(token_sha256, now()))
        self._share = cached(TTLCache[str, Share | None](_MAX_KEPT, keep_s), lock=Lock())(shares.get)

    def session(self, token: SessionToken) -> Session | None:
        """Return the session of a token if it has not ended."""
        session = self._find(token.sha256)
        return session if session is not None and session.expires_at > self._now() else None

    def caller(self, token: SessionToken, network: str) -> Caller | None:
        """Return whom a token stands for; None if the session, the key or the share has ended."""
        session = self.session(token)
        if session is None:
            return None
        match session.kind:
            case "key":
                key = self._keys.with_id(session.principal_id)
                # A browser has no use for the right to vectors.
                return None if key is None else replace(key, may_use_vectors=False)
            case "user":
                granted = (
                    None
                    if session.scope is None
                    else Principal("user", session.principal_id, session.scope, session.albums)
                )
                return SignedInUser(session.principal_id, granted, session.is_anonymous)
            case "share":
                share = self._share(session.principal_id)
                return None if share is None or not share.is_open(self._now()) else Visitor(share, network)

    def start(self, caller: ApiKey | SignedInUser | Share) -> tuple[SessionToken, Session]:
        """Start a session for `caller`, and return its token, which is known only now."""
        session = self._session_for(caller)
        token = SessionToken.generate()
        self._sessions.start(token.sha256, session)
        return token, session

    def end(self, token: SessionToken) -> None:
        """End a session: here at once, in other instances when they read it again."""
        self._sessions.end(token.sha256)
        with self._lock:
            self._found.pop(hashkey(token.sha256), None)

    def _session_for(self, caller: ApiKey | SignedInUser | Share) -> Session:
        now = self._now()
        match caller:
            case ApiKey():
                ends_at = min(filter(None, (now + KEY_LIFETIME, caller.expires_at)))
                return Session(kind="key", principal_id=caller.key_id, expires_at=ends_at)
            case SignedInUser(granted=granted):
                return Session(
                    kind="user",
                    principal_id=caller.uid,
                    expires_at=now + USER_LIFETIME,
                    scope=None if granted is None else granted.scope,
                    albums=None if granted is None else granted.albums,
                    is_anonymous=caller.is_anonymous,
                )
            case Share():
                ends_at = min(now + SHARE_LIFETIME, caller.expires_at)
                return Session(kind="share", principal_id=caller.share_id, expires_at=ends_at)
