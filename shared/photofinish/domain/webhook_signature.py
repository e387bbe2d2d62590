"""Secrets of webhooks, and `v1` signatures, by the Standard Webhooks specification (github.com/standard-webhooks).

What signs is derived from its id and the deployment's key, so that neither the database nor a copy of it
contains anything that signs. Signatures `v1a` are made in `application/webhooks/signing.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.webhook import SecretVersion
from photofinish.errors import Misconfigured

_PREFIX = "whsec_"
_DERIVE = b"photofinish webhook secret 1\0"
_DERIVE_SEED = b"photofinish webhook Ed25519 seed 1\0"
_NAME = b"photofinish webhook key\0"
_KEY_ID_CHARS = 16


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """32 bytes that sign the messages to one webhook."""

    value: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The secret as receivers get it; shown to its owner once."""
        return _PREFIX + base64.b64encode(self.value).decode("ascii")


def key_id_of(key: bytes) -> str:
    """Return a name of a value of the deployment's key, from which the value cannot be found."""
    return hmac.new(key, _NAME, hashlib.sha256).hexdigest()[:_KEY_ID_CHARS]


def secret_of(version: SecretVersion, keys: SecretVersions) -> WebhookSecret:
    """Derive the secret of `v1` signatures; raises as :func:`derived_secret`."""
    return derived_secret(version.secret_id, version.key_id, keys)


def derived_secret(secret_id: str, key_id: str, keys: SecretVersions) -> WebhookSecret:
    """Derive a secret.

    Raises:
        Misconfigured: the deployment does not have the key any more.
    """
    return WebhookSecret(_derived(_DERIVE, secret_id, key_id, keys))


def ed25519_seed_of(version: SecretVersion, keys: SecretVersions) -> bytes:
    """Derive the 32 bytes that are the private key of `v1a` signatures (RFC 8032); raises as `derived_secret`."""
    return _derived(_DERIVE_SEED, version.secret_id, version.key_id, keys)


def _derived(purpose: bytes, secret_id: str, key_id: str, keys: SecretVersions) -> bytes:
    for key in keys.accepted:
        if hmac.compare_digest(key_id_of(key), key_id):
            return hmac.new(key, purpose + secret_id.encode(), hashlib.sha256).digest()
    raise Misconfigured(
        f"PHOTOFINISH_WEBHOOK_KEY has no value {key_id}, which the webhook secret {secret_id} was made "
        "with: add that value again, or replace the secret."
    )


def signature_header(message_id: str, timestamp_s: int, body: bytes, secrets: Iterable[WebhookSecret]) -> str:
    """Return the header `webhook-signature`: one `v1` signature for each secret."""
    signed = signed_bytes(message_id, timestamp_s, body)
    signatures = (hmac.new(secret.value, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join("v1," + base64.b64encode(signature).decode("ascii") for signature in signatures)


def signed_bytes(message_id: str, timestamp_s: int, body: bytes) -> bytes:
    """Return what both kinds of signatures sign: `id.timestamp.body`."""
    return f"{message_id}.{timestamp_s}.".encode() + body
