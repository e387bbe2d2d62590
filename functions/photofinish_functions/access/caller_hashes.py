"""Tell callers apart who give feedback, without storing who they are."""

from __future__ import annotations

import hashlib
import hmac

from photofinish.domain.access import Principal
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.sessions import SessionToken

_CONTEXT = b"photofinish/feedback/"


def caller_hash(pepper: SecretVersions, caller: Principal, session: SessionToken | None) -> bytes:
    """Return a keyed hash of the caller: of a visitor's session, as visitors of one link have one id."""
    who = session.sha256 if session is not None and caller.kind == "share" else f"{caller.kind}:{caller.id}".encode()
    return hmac.digest(pepper.current, _CONTEXT + who, hashlib.sha256)[:16]
