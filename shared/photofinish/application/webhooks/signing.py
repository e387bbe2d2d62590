"""Sign messages to webhooks by the scheme that each has: `v1` (HMAC-SHA256) or `v1a` (Ed25519, RFC 8032)."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.webhook import SecretVersion, SignatureScheme, Webhook
from photofinish.domain.webhook_signature import ed25519_seed_of, secret_of, signature_header, signed_bytes

_PUBLIC_KEY_PREFIX = "whpk_"


def signatures_of(webhook: Webhook, keys: SecretVersions, message_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the header `webhook-signature`: a signature with each secret of the webhook.

    Raises:
        Misconfigured: the deployment does not have the key of a secret any more.
    """
    if webhook.signature is SignatureScheme.V1A:
        return ed25519_header(
            message_id, timestamp_s, body, (ed25519_seed_of(version, keys) for version in webhook.secrets)
        )
    return signature_header(message_id, timestamp_s, body, [secret_of(version, keys) for version in webhook.secrets])


def ed25519_header(message_id: str, timestamp_s: int, body: bytes, seeds: Iterable[bytes]) -> str:
    """Return the header `webhook-signature`: one `v1a` signature for each private key of 32 bytes."""
    signed = signed_bytes(message_id, timestamp_s, body)
    signatures = (Ed25519PrivateKey.from_private_bytes(seed).sign(signed) for seed in seeds)
    return " ".join("v1a," + base64.b64encode(signature).decode("ascii") for signature in signatures)


def public_key_of(version: SecretVersion, keys: SecretVersions) -> str:
    """Return the public key of `v1a` signatures as receivers get it, `whpk_` and 32 bytes in Base64.

    Raises:
        Misconfigured: the deployment does not have the key any more.
    """
    public = Ed25519PrivateKey.from_private_bytes(ed25519_seed_of(version, keys)).public_key()
    return _PUBLIC_KEY_PREFIX + base64.b64encode(public.public_bytes_raw()).decode("ascii")
