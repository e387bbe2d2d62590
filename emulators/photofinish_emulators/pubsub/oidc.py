"""OpenID Connect tokens for push requests, signed with the server's own key.

The claims are those of a Google token (``iss`` is ``https://accounts.google.com``). The signature is RS256 with a key
of 2048 bits, which is made at the first use and kept in the state directory: ``oidc-key.pem`` is the private key,
``oidc-jwks.json`` the key set to verify against.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

ISSUER = "https://accounts.google.com"
KEY_SET = "oidc-jwks.json"
LIFETIME_S = 3600
RENEW_BEFORE_S = 300


class TokenIssuer:
    """Tokens per service account and audience, renewed before they expire."""

    def __init__(self, state_dir: Path) -> None:
        self._key_path = state_dir / "oidc-key.pem"
        self._jwks_path = state_dir / KEY_SET
        self._signer: crypt.RSASigner | None = None
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}

    def token(self, email: str, audience: str) -> str:
        token, expires_at = self._tokens.get((email, audience), ("", 0.0))
        now = time.time()
        if expires_at - now < RENEW_BEFORE_S:
            expires_at = now + LIFETIME_S
            claims = {
                "iss": ISSUER,
                "aud": audience,
                "azp": email,
                "sub": email,
                "email": email,
                "email_verified": True,
                "iat": int(now),
                "exp": int(expires_at),
            }
            token = jwt.encode(self._load_signer(), claims).decode()  # type: ignore[no-untyped-call]
            self._tokens[email, audience] = (token, expires_at)
        return token

    def _load_signer(self) -> crypt.RSASigner:
        if self._signer is None:
            if not self._key_path.exists():
                self._make_key()
            key_id = json.loads(self._jwks_path.read_text())["keys"][0]["kid"]
            pem = self._key_path.read_bytes()
            self._signer = crypt.RSASigner.from_string(pem, key_id)  # type: ignore[no-untyped-call]
        return self._signer

    def _make_key(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        numbers = key.public_key().public_numbers()
        modulus = numbers.n.to_bytes(256, "big")
        jwk = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": hashlib.sha256(modulus).hexdigest()[:16],
            "n": _base64url(modulus),
            "e": _base64url(numbers.e.to_bytes(3, "big")),
        }
        self._jwks_path.write_text(json.dumps({"keys": [jwk]}))
        # The private key is written last, by rename: if it exists, the key set is complete.
        temporary = self._key_path.with_suffix(".tmp")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
        temporary.rename(self._key_path)


def _base64url(number: bytes) -> str:
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()
