"""Firebase ID tokens: the signed-in user, and what the user's custom claims allow.

Verified as Firebase documents it ("Verify ID tokens using a third-party JWT library"): RS256 by one of Google's public
keys, issuer, audience, times, subject. Whether the user was disabled in the meantime is not checked: a token is valid
for an hour.
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
from photofinish.domain.photo import album_name
from photofinish.errors import Unavailable
from photofinish.logs import fields
from photofinish_functions.access.refusals import Unauthorized

log = logging.getLogger(__name__)
KEYS_KEPT_S = 3600
REFETCH_INTERVAL_S = 30
LEEWAY_S = 10
ALL_ALBUMS = "*"
_FETCH_TIMEOUT_S = 5
_MAX_UID_CHARS = 128
_REQUIRED = ["aud", "auth_time", "exp", "iat", "iss", "sub"]


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """The user of a valid token."""

    uid: str
    granted: Principal | None
    """The rights in the custom claim ``photofinish: {"scope": …, "albums": […]}``; None without it."""
    is_anonymous: bool = False
    """Whether the user signed in anonymously: anyone can, as often as they like, so claims grant them nothing."""


class FirebaseTokens:
    """Verifies the ID tokens of one Firebase project; safe to share between threads.

    Public keys are fetched on first use and cached for an hour. An unknown key id has them fetched again, at most twice
    a minute.
    """

    def __init__(self, project: str, keys_url: str, *, refetch_interval_s: float = REFETCH_INTERVAL_S) -> None:
        self._project = project
        self._keys = PyJWKClient(
            keys_url,
            lifespan=KEYS_KEPT_S,
            timeout=_FETCH_TIMEOUT_S,
            cooldown_duration=refetch_interval_s,
        )

    def user_of(self, token: str) -> SignedInUser:
        """Return the user of an ID token.

        Raises:
            Unauthorized: `token` is not a valid ID token of this project.
            Unavailable: Google's public keys cannot be fetched.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "RS256":  # checked before public keys are fetched
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
            raise Unavailable(f"Firebase's public keys could not be fetched: {error}") from error
        except (InvalidTokenError, PyJWKClientError) as error:
            log.info("ID token refused", extra=fields(reason=type(error).__name__))
            raise Unauthorized from error
        uid, auth_time = claims["sub"], claims["auth_time"]
        if not uid or len(uid) > _MAX_UID_CHARS or not _is_past(auth_time):
            log.info("ID token refused", extra=fields(reason="sub or auth_time"))
            raise Unauthorized
        granted = _granted(uid, claims.get("photofinish"))
        is_anonymous = _is_anonymous(claims.get("firebase"))
        return SignedInUser(uid, None if is_anonymous else granted, is_anonymous)


def _is_past(moment: Any) -> bool:
    return isinstance(moment, int | float) and not isinstance(moment, bool) and moment <= time.time() + LEEWAY_S


def _is_anonymous(firebase: Any) -> bool:
    """Whether the claim `firebase`, which every ID token has, says so, or does not say how the user signed in."""
    provider = firebase.get("sign_in_provider") if isinstance(firebase, dict) else None
    return provider is None or provider == "anonymous"


def _granted(uid: str, claim: Any) -> Principal | None:
    """Return the rights in the custom claim, as `terraform/firestore/firestore.rules` reads it.

    Names of albums are compared as they are: the rules cannot compose characters (NFC).

    Raises:
        Unauthorized: the claim is malformed. Its author meant to restrict or grant something, and we do not guess what.
    """
    if claim is None:
        return None
    if isinstance(claim, dict) and claim.get("scope") in list(Scope):
        scope, albums = Scope(claim["scope"]), claim.get("albums")
        if albums == ALL_ALBUMS:
            return Principal("user", uid, scope, None)
        if isinstance(albums, list):
            if no_names := [album for album in albums if not isinstance(album, str) or album_name(album) != album]:
                log.warning(
                    "a user's custom claim 'photofinish' lists what is no album's name, or not composed (NFC)",
                    extra=fields(uid=uid, count=len(no_names)),
                )
            return Principal("user", uid, scope, frozenset(album for album in albums if isinstance(album, str)))
    log.warning("refused: a user's custom claim 'photofinish' is not {scope, albums}", extra=fields(uid=uid))
    raise Unauthorized
