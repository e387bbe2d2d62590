"""Links to pictures that this service makes for one viewer: a signed statement of who looks at which photo.

Nothing in a link can be changed without its signature, so a link to a redacted picture does not help to guess another.
What the viewer sees is decided when the link is fetched, by the policy and the consent of that moment.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from photofinish.domain.redaction import Viewer
from photofinish.domain.rendition import RenditionSize
from photofinish.domain.secret_versions import SecretVersions
from photofinish_functions.refused import Refused

_CONTEXT = b"photofinish/picture-links/"
_MAC_CHARS = 43  # 256 bits in Base64


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLink:
    """A picture of a photo and who looks at it, until when."""

    album: str
    photo_id: str
    viewer: Viewer
    expires_at_s: int
    """Unix time."""
    size: RenditionSize = RenditionSize.PREVIEW


class PictureLinks:
    """Signs and reads links; `secret` is the deployment's PHOTOFINISH_TOKEN_SECRET."""

    def __init__(
        self, secret: SecretVersions, *, context: bytes = _CONTEXT, now_s: Callable[[], float] = time.time
    ) -> None:
        """What is signed in one `context` is not valid in another."""
        self._keys = [hmac.digest(value, context, hashlib.sha256) for value in secret.accepted]
        self._now_s = now_s

    def token(self, link: PictureLink) -> str:
        """Return the link as letters, digits, `-`, `_` and one `.`, for a path."""
        viewer = link.viewer
        statement = [link.album, link.photo_id, viewer.is_organiser, sorted(viewer.own_faces), link.expires_at_s]
        if link.size is not RenditionSize.PREVIEW:
            statement.append(link.size.value)
        payload = _base64(json.dumps(statement, separators=(",", ":")).encode())
        return f"{payload}.{_mac(self._keys[0], payload)}"

    def read(self, token: str) -> PictureLink:
        """Return what :meth:`token` signed.

        Raises:
            Refused: `unknown_link`: it was changed, or has expired.
        """
        payload, _, mac = token.rpartition(".")
        signed_by = (hmac.compare_digest(mac.encode(), _mac(key, payload).encode()) for key in self._keys)
        if len(mac) != _MAC_CHARS or not any(signed_by):
            raise _unknown_link()
        signed = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        album, photo_id, is_organiser, own_faces, expires_at_s, *size = signed
        if expires_at_s <= self._now_s():
            raise _unknown_link()
        viewer = Viewer(is_organiser=is_organiser, own_faces=frozenset(own_faces))
        return PictureLink(
            album=album,
            photo_id=photo_id,
            viewer=viewer,
            expires_at_s=expires_at_s,
            size=RenditionSize(size[0]) if size else RenditionSize.PREVIEW,
        )


def _mac(key: bytes, payload: str) -> str:
    return _base64(hmac.digest(key, payload.encode(), hashlib.sha256))


def _unknown_link() -> Refused:
    return Refused(404, "unknown_link", "This link is not complete or has expired: request the photo again.")


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")
