"""Firebase ID tokens: which user is signed in, and what their custom claims allow.

Checked as Firebase documents it ("Verify ID tokens using a third-party JWT library"): RS256 by one of Google's public
keys, issuer, audience, times, subject. Not checked is whether the user was disabled since: a token lives for an hour.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import jwt
from jwt import PyJWKClient
from jwt.exceptions import InvalidTokenError, PyJWKClientConnectionError, PyJWKClientError

from photofinish.domain.access import Principal, Scope
from photofinish.domain.photo import is_album_name
from photofinish.errors import Unavailable
from photofinish.logs import fields
from photofinish_functions.access.refusals import Unauthorized

log = logging.getLogger(__name__)
KEYS_KEPT_S = 3600
NEW_KEY_LOOKED_FOR_EVERY_S = 30
LEEWAY_S = 10
ALL_ALBUMS = "*"
_FETCH_TIMEOUT_S = 5
_MAX_UID_CHARS = 128
_REQUIRED = ["aud", "auth_time", "exp", "iat", "iss", "sub"]


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Whom a valid token names."""

    uid: str
    granted: Principal | None
    """What the custom claim ``photofinish: {"scope": …, "albums": […]}`` allows; None without it."""


class FirebaseTokens:
    """Verifies the ID tokens of one Firebase project; safe to share between threads.

    Public keys are fetched when first needed, kept for an hour, and fetched again for a key id that is not among them,
    but not more than twice a minute.
    """

    def __init__(
        self, project: str, keys_url: str, *, new_key_looked_for_every_s: float = NEW_KEY_LOOKED_FOR_EVERY_S
    ) -> None:
        self._project = project
        self._keys = PyJWKClient(
            keys_url,
            lifespan=KEYS_KEPT_S,
            timeout=_FETCH_TIMEOUT_S,
            cooldown_duration=new_key_looked_for_every_s,
        )

    def user_of(self, token: str) -> SignedInUser:
        """The user whom `token` names.

        Raises:
            Unauthorized: it is no valid ID token of this project.
            Unavailable: Google's public keys cannot be fetched.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "RS256":  # before anything is fetched for it
                raise Unauthorized
            claims = jwt.decode(
                token,
                self._keys.get_signing_key(header.get("kid")),  # type: ignore[arg-type]  # None matches no key
                algorithms=["RS256"],
                audience=self._project,
                issuer=f"https://securetoken.google.com/{self._project}",
                leeway=LEEWAY_S,
                options={"require": _REQUIRED, "strict_aud": True},
            )
        except PyJWKClientConnectionError as error:
            raise Unavailable(f"The public keys of Firebase could not be fetched: {error}") from error
        except (InvalidTokenError, PyJWKClientError) as error:
            log.info("ID token refused", extra=fields(reason=type(error).__name__))
            raise Unauthorized from error
        uid, auth_time = claims["sub"], claims["auth_time"]
        if not uid or len(uid) > _MAX_UID_CHARS or not _is_past(auth_time):
            log.info("ID token refused", extra=fields(reason="sub or auth_time"))
            raise Unauthorized
        return SignedInUser(uid, _granted(uid, claims.get("photofinish")))


def _is_past(moment: Any) -> bool:
    return isinstance(moment, int | float) and not isinstance(moment, bool) and moment <= time.time() + LEEWAY_S


def _granted(uid: str, claim: Any) -> Principal | None:
    """What the claim allows.

    Raises:
        Unauthorized: it is none that we understand: whoever set it meant something, and we do not guess what.
    """
    if claim is None:
        return None
    if isinstance(claim, dict) and claim.get("scope") in list(Scope):
        scope, albums = Scope(claim["scope"]), claim.get("albums")
        if albums == ALL_ALBUMS:
            return Principal("user", uid, scope, None)
        if isinstance(albums, list) and all(isinstance(album, str) and is_album_name(album) for album in albums):
            return Principal("user", uid, scope, frozenset(albums))
    log.warning("a user's custom claim 'photofinish' is not {scope, albums}: refused", extra=fields(uid=uid))
    raise Unauthorized
