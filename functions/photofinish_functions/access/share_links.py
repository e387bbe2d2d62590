"""Opening of share links: the token, then the PIN, whose attempts are few."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from photofinish.domain.access import RateLimit
from photofinish.domain.shares import Share, ShareToken
from photofinish.ports import AccessStore, Shares
from photofinish_functions.access.page_sessions import Visitor
from photofinish_functions.access.refusals import PinRequired, RateLimited, UnknownShare, WrongPin

WRONG_PINS_PER_NETWORK = RateLimit(per_second=1 / 120, burst=5)
WRONG_PINS_PER_SHARE = RateLimit(per_second=1 / 180, burst=50)
"""480 a day from all networks together: half of all PINs of 4 digits take 10 days, of 6 digits 3 years."""


class ShareLinks:
    """Opens share links; safe to share between threads, and between instances, which count attempts together."""

    def __init__(self, shares: Shares, store: AccessStore, *, now: Callable[[], datetime]) -> None:
        self._shares = shares
        self._store = store
        self._now = now

    def open(self, token_text: str, pin: str | None, network: str) -> Visitor:
        """Return the visitor with this link, from a network given as keyed hash.

        Raises:
            UnknownShare: there is no such link, or it was revoked or has expired.
            PinRequired, WrongPin: the link needs a PIN, or another one.
            RateLimited: too many wrong PINs.
        """
        token = ShareToken.parse(token_text)
        share = None if token is None else self._shares.with_token(token.sha256)
        if share is None:
            raise UnknownShare("This link is not complete or does not exist: ask for it again.")
        visitor = Visitor(share, network)
        if share.revoked_at is not None:
            raise UnknownShare("This link was withdrawn: ask the organiser for another.", visitor.principal)
        if not share.is_open(self._now()):
            raise UnknownShare("This link has expired: ask the organiser for another.", visitor.principal)
        if share.pin is not None:
            if pin is None:
                raise PinRequired(visitor.principal)
            self._check_pin(share, pin, visitor)
        return visitor

    def _check_pin(self, share: Share, pin: str, visitor: Visitor) -> None:
        """Take an attempt before the PIN is compared, so that attempts at once are counted; give a right one back."""
        budgets = (
            (f"{visitor.principal.budget}:pin", WRONG_PINS_PER_NETWORK),
            (f"share:{share.share_id}:pin", WRONG_PINS_PER_SHARE),
        )
        taken: list[tuple[str, RateLimit]] = []
        for bucket, limit in budgets:
            wait_s = self._store.take(bucket, limit)
            if wait_s > 0:
                self._give_back(taken)
                raise RateLimited(wait_s, visitor.principal)
            taken.append((bucket, limit))
        assert share.pin is not None
        if not share.pin.is_of(pin):
            raise WrongPin(visitor.principal)
        self._give_back(taken)

    def _give_back(self, taken: list[tuple[str, RateLimit]]) -> None:
        for bucket, limit in taken:
            self._store.charge(bucket, -1 / limit.per_second, budget_s=limit.burst / limit.per_second)
