"""Links in messages that need no sign-in, and keyed hashes of contacts.

Both are derived from the deployment's key, so that neither the database nor a copy of it has anything that confirms or
ends a subscription, or from which an address can be guessed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.subscription import Channel

_LINK = b"photofinish subscription link 1\0"
_CONTACT = b"photofinish subscription contact 1\0"
_MAC_BYTES = 16
_LINK_BYTES = 1 + 16 + _MAC_BYTES


class LinkAction(StrEnum):
    """What the holder of a link may do, and nothing else."""

    CONFIRM = "c"
    END = "e"


@dataclass(frozen=True, slots=True)
class SubscriptionLink:
    action: LinkAction
    subscription_id: str


def link_text(link: SubscriptionLink, keys: SecretVersions) -> str:
    """Return the link's last part: 44 letters, digits, `-` and `_`."""
    payload = link.action.encode() + UUID(link.subscription_id).bytes
    return base64.urlsafe_b64encode(payload + _mac(keys.current, payload)).decode("ascii")


def read_link(text: str, keys: SecretVersions) -> SubscriptionLink | None:
    """Return what :func:`link_text` made with one of these keys; None if it was changed."""
    try:
        content = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeError):
        return None
    if len(content) != _LINK_BYTES:
        return None
    payload, mac = content[:-_MAC_BYTES], content[-_MAC_BYTES:]
    if not any(hmac.compare_digest(mac, _mac(key, payload)) for key in keys.accepted):
        return None
    return SubscriptionLink(LinkAction(payload[:1].decode()), str(UUID(bytes=payload[1:])))


def contact_hash(channel: Channel, address: str, keys: SecretVersions) -> bytes:
    """Return a hash of a contact; e-mail addresses that differ in case have the same."""
    text = address.lower() if channel is Channel.EMAIL else address
    return hmac.digest(keys.current, _CONTACT + f"{channel.value}\0{text}".encode(), hashlib.sha256)


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, _LINK + payload, hashlib.sha256)[:_MAC_BYTES]
