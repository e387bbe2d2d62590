"""Why a request is not admitted. Each tells no more than its sender may know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

from photofinish.domain.access import Principal
from photofinish_functions.refused import Refused


class SignatureProblem(StrEnum):
    """Why an AWS signature is refused, in as much detail as AWS itself tells."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    UNTIMELY = "untimely"
    """Signed more than five minutes ago, or ahead."""
    INVALID = "invalid"
    """Not by these credentials, not this request, or not for this service."""
    UNKNOWN_KEY = "unknown_key"
    """Rightly signed by a key that is revoked or expired; who cannot sign gets INVALID for an unknown key."""
    REPLAYED = "replayed"


class Unauthorized(Refused):
    """401: nobody we know. The same for a wrong key, an unknown, a revoked and an expired one."""

    def __init__(self, problem: SignatureProblem | None = None) -> None:
        super().__init__(
            401,
            "unauthorized",
            "Send a valid API key as 'X-Api-Key: KEY' or 'Authorization: Bearer KEY', or the ID token of a signed-in "
            "user as 'Authorization: Bearer TOKEN'.",
            {"WWW-Authenticate": "Bearer"},
        )
        self.problem = problem
        """Of a signature, for an API that speaks as AWS does; None for keys and tokens."""


class Denied(Refused):
    """What somebody may not do, or not now; `principal` is who, where we know them: the audit names them."""

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
    """403: the principal sees the album, and may not do this in it."""

    def __init__(self, principal: Principal | None = None) -> None:
        super().__init__(403, "forbidden", "This key or user may not do that.", principal=principal)


class NotVisible(Denied):
    """404: there is no such album, or none that the principal may know of. Raise it for an unknown album as well."""

    def __init__(self, principal: Principal | None = None) -> None:
        message = "There is no album of this name, or no photo of it was analysed yet."
        super().__init__(404, "unknown_album", message, principal=principal)


class RateLimited(Denied):
    """429: try again after `retry_after_s`."""

    def __init__(self, retry_after_s: float, principal: Principal | None = None) -> None:
        wait_s = max(1, math.ceil(retry_after_s))
        message = f"Too many requests: try again in {wait_s} s."
        super().__init__(429, "rate_limited", message, {"Retry-After": str(wait_s)}, principal=principal)
        self.retry_after_s = retry_after_s
