"""Opaque, authenticated tokens for where the next page of a list begins.

A token is ``base64url(position + HMAC-SHA-256/128 of it)``. One that was changed, made up, or belongs to another
operation, collection or deployment is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from photofinish.domain.secret_versions import SecretVersions
from photofinish_functions.rekognition.errors import invalid_token

_MAC_BYTES = 16
_CONTEXT = b"photofinish/rekognition-next-token/"


class PageTokens:
    """Tokens of one deployment: `secret` is its PHOTOFINISH_TOKEN_SECRET."""

    def __init__(self, secret: SecretVersions) -> None:
        self._keys = [hmac.digest(value, _CONTEXT, hashlib.sha256) for value in secret.accepted]

    def seal(self, position: str, *, operation: str, collection: str = "") -> str:
        """Return the token for the page after `position` (at most 170 bytes of UTF-8) of this list."""
        content = position.encode()
        token = (
            base64.urlsafe_b64encode(content + _mac(self._keys[0], content, operation, collection)).decode().rstrip("=")
        )
        assert len(token) <= 255, "the protocol's limit"
        return token

    def open(self, token: str, *, operation: str, collection: str = "") -> str:
        """Return the position in a token for this list.

        Raises:
            RekognitionError: InvalidPaginationTokenException.
        """
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            content, mac = sealed[:-_MAC_BYTES], sealed[-_MAC_BYTES:]
            if not any(hmac.compare_digest(mac, _mac(key, content, operation, collection)) for key in self._keys):
                raise invalid_token()
            return content.decode()
        except ValueError:
            raise invalid_token() from None


def _mac(key: bytes, content: bytes, operation: str, collection: str) -> bytes:
    message = b"\0".join([operation.encode(), collection.encode(), content])
    return hmac.digest(key, message, hashlib.sha256)[:_MAC_BYTES]
