"""The errors with which requests are refused. Each reveals only what its sender may know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

from photofinish.domain.access import Principal
from photofinish.domain.photo import ALBUM_NAMES
from photofinish_functions.refused import Refused


class SignatureProblem(StrEnum):
    """Why an AWS signature is refused, in the detail that AWS reveals."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    UNTIMELY = "untimely"
    """Its time differs from ours by more than five minutes."""
    INVALID = "invalid"
    """Made with another secret, for another request, or for another service."""
    UNKNOWN_KEY = "unknown_key"
    """Of a key that does not exist, was revoked or has expired, whether it is correct or not."""
    REPLAYED = "replayed"


class Unauthorized(Refused):
    """401: not authenticated. The same answer for a wrong, unknown, revoked and expired key.

    `retry_after_s` is above 0 where too many failed authentications came from the caller's address.
    """

    def __init__(self, problem: SignatureProblem | None = None, *, retry_after_s: float = 0) -> None:
        message = (
            "Send a valid API key as 'X-Api-Key: KEY' or 'Authorization: Bearer KEY', or the ID token of a signed-in "
            "user as 'Authorization: Bearer TOKEN'."
        )
        headers = {"WWW-Authenticate": "Bearer"}
        if retry_after_s > 0:
            wait_s = max(1, math.ceil(retry_after_s))
            message += f" Too many requests without either came from your network: wait {wait_s} s."
            headers["Retry-After"] = str(wait_s)
        super().__init__(401, "unauthorized", message, headers)
        self.problem = problem
        """What is wrong with an AWS signature; None for keys and tokens."""


class Denied(Refused):
    """The caller may not do this, or not now. `principal` is the caller, for the audit; None where unknown."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        principal: Principal | None = None,
    ) -> None:
        super().__init__(status, code, message, headers)
        self.principal = principal


class Forbidden(Denied):
    """403: the principal may see the album, but may not do this in it."""

    def __init__(self, principal: Principal | None = None) -> None:
        super().__init__(403, "forbidden", "This key or user may not do that.", principal=principal)


class VectorsNotAllowed(Denied):
    """403: the key has no right to use embeddings as numbers."""

    def __init__(self, principal: Principal | None = None) -> None:
        message = (
            "This key or user may not send or receive embeddings: send pictures, or use a key made with --vectors."
        )
        super().__init__(403, "vectors_not_allowed", message, principal=principal)


class NotVisible(Denied):
    """404: the album does not exist, or the principal may not know that it does: the answer is the same."""

    def __init__(self, principal: Principal | None = None) -> None:
        super().__init__(404, "unknown_album", "No album has this name.", principal=principal)


class AlbumNameNotAllowed(Denied):
    """422: no album can have this name. For callers who see all albums, where an album may be made."""

    def __init__(self, principal: Principal | None = None) -> None:
        super().__init__(
            422, "album_name_not_allowed", f"No album can have this name. {ALBUM_NAMES}", principal=principal
        )


class RateLimited(Denied):
    """429: try again after `retry_after_s`."""

    def __init__(self, retry_after_s: float, principal: Principal | None = None) -> None:
        wait_s = max(1, math.ceil(retry_after_s))
        message = f"Too many requests. Try again in {wait_s} s."
        super().__init__(429, "rate_limited", message, {"Retry-After": str(wait_s)}, principal=principal)
        self.retry_after_s = retry_after_s


class CrossSite(Denied):
    """403: a page of another site sent a request with the cookie of this one."""

    def __init__(self, principal: Principal | None = None) -> None:
        message = "Only pages of this site may change something with its cookie: send the session token as Bearer."
        super().__init__(403, "cross_site", message, principal=principal)


class UnknownShare(Denied):
    """401: no share link has this token, or the link has ended. `principal` is None where no link has it."""

    def __init__(self, message: str, principal: Principal | None = None) -> None:
        super().__init__(401, "unknown_share", message, {"WWW-Authenticate": "Bearer"}, principal=principal)


class PinRequired(Denied):
    """401: the share link needs a PIN."""

    def __init__(self, principal: Principal | None = None) -> None:
        message = "This link needs a PIN: ask the organiser for it."
        super().__init__(401, "pin_required", message, {"WWW-Authenticate": "Bearer"}, principal=principal)


class WrongPin(Denied):
    """401: another PIN than the share link's."""

    def __init__(self, principal: Principal | None = None) -> None:
        message = "The PIN is not right. After a few wrong ones this link has to be tried again later."
        super().__init__(401, "wrong_pin", message, {"WWW-Authenticate": "Bearer"}, principal=principal)
