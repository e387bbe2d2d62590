"""Who sent a request: the holder of a key, a signed-in user, the owner of a session, or who signed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Request
from werkzeug.sansio.request import Request as RequestHead

from photofinish.domain.access import ApiKey, AwsCredentials, PresentedKey, key_id_of
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.sessions import SessionToken
from photofinish.ports import AccessStore
from photofinish_functions.access import sigv4
from photofinish_functions.access.api_keys import ApiKeys, bearer_token
from photofinish_functions.access.cookies import session_of_cookie
from photofinish_functions.access.firebase_tokens import FirebaseTokens, SignedInUser
from photofinish_functions.access.page_sessions import Caller, PageSessions
from photofinish_functions.access.refusals import SignatureProblem, Unauthorized


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Authenticates requests. Every method raises Unauthorized where nothing valid proves who the caller is."""

    store: AccessStore
    keys: ApiKeys
    tokens: FirebaseTokens | None
    """None: no project's users may sign in."""
    sessions: PageSessions | None
    aws_service: str
    aws_key_secret: SecretVersions | None
    """None: no signed request is admitted."""
    now: Callable[[], datetime]

    def sender(self, request: RequestHead, network: str) -> Caller:
        """Return the holder of a key, the user of an ID token, or the owner of a session, from the headers."""
        token = session_token(request)
        if token is None:
            text = presented_credential(request)
            if text is None:
                raise Unauthorized
            return self.holder_or_user(text)
        caller = None if self.sessions is None else self.sessions.caller(token, network)
        if caller is None:
            raise Unauthorized
        return caller

    def holder_or_user(self, text: str) -> ApiKey | SignedInUser:
        """Return the holder of an API key or of an ID token."""
        presented = PresentedKey.parse(text)
        if presented is not None:
            key = self.keys.holder_of(presented)
            if key is None:
                raise Unauthorized
            return key
        if self.tokens is None:
            raise Unauthorized
        return self.tokens.user_of(text)

    def signer(self, request: Request) -> ApiKey:
        """Return the key with whose AWS credentials the request was signed, once and in time."""
        if self.aws_key_secret is None:
            raise TypeError("signed requests are admitted with SignedAccessSettings only")
        headers = sigv4.headers_of(request)
        signature = sigv4.Signature.parse(headers)
        if not signature.is_timely(self.now()):
            raise Unauthorized(SignatureProblem.UNTIMELY)
        key_id = key_id_of(signature.access_key_id)
        if key_id is None or signature.service != self.aws_service:
            raise Unauthorized(SignatureProblem.INVALID)
        # The signature covers the body, but no time is spent on receiving the body of a caller without a key.
        key = self.keys.with_id(key_id)
        if key is None:
            raise Unauthorized(SignatureProblem.UNKNOWN_KEY)
        credentials = [AwsCredentials.of(key_id, value) for value in self.aws_key_secret.accepted]
        signed = sigv4.http_request(request, headers)
        if not any(signature.is_of(signed, pair.secret_access_key) for pair in credentials):
            raise Unauthorized(SignatureProblem.INVALID)
        if not self.store.remember_signature(signature.digest, sigv4.request_nonce(headers), signature.expires_at):
            raise Unauthorized(SignatureProblem.REPLAYED)
        return key


def presented_credential(request: RequestHead) -> str | None:
    """Return the key or token in the headers of a request; None if it has none, or only a cookie.

    A private Cloud Run service needs Authorization for Google's own token, so X-Api-Key takes precedence.
    """
    return request.headers.get("X-Api-Key", "").strip() or bearer_token(request.headers)


def session_token(request: RequestHead) -> SessionToken | None:
    """Return the token of the session that a request was sent with."""
    text = presented_credential(request)
    return session_of_cookie(request) if text is None else SessionToken.parse(text)
