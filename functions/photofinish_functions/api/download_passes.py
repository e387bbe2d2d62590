"""What a search says about a photo that it found, for the caller who wants to download it later.

A caller who may not browse an album may download what they found, and their own face is not redacted in it. A pass says
both, signed, so nothing has to be kept about who found what. It opens nothing by itself: its holder needs a key or a
token for the album, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from photofinish.domain.access import Reading, Scope
from photofinish.domain.download import LIFETIME
from photofinish.domain.redaction import Viewer
from photofinish.domain.rendition import RenditionSize
from photofinish.wiring import App
from photofinish_functions.access.picture_links import PictureLink, PictureLinks
from photofinish_functions.api.guarding import principal
from photofinish_functions.api.renditions import Shown
from photofinish_functions.refused import Refused

_CONTEXT = b"photofinish/download-passes/"


def download_passes(services: App, album: str, photos: Sequence[Shown]) -> list[str | None]:
    """The passes for photos that the current caller found, in order; None for those who need none."""
    browses = principal().reading.includes(Reading.BROWSE)
    redacts = (
        any(shown.own_faces for shown in photos)
        and not principal().may(Scope.WRITE, album)
        and services.album_policies.ever_redacted(album)
    )
    signer, expires_at_s = _signer(services), int(time.time() + LIFETIME.total_seconds())
    return [
        signer.token(
            PictureLink(
                album=album,
                photo_id=shown.photo.photo_id,
                viewer=Viewer(is_organiser=False, own_faces=shown.own_faces),
                expires_at_s=expires_at_s,
                size=RenditionSize.PREVIEW,
            )
        )
        if not browses or (redacts and shown.own_faces)
        else None
        for shown in photos
    ]


def found_photos(services: App, album: str, passes: Iterable[str]) -> dict[str, frozenset[str]]:
    """Read passes: photo id → the caller's own faces in it. Those that expired or are of another album are left out."""
    signer = _signer(services)
    found: dict[str, frozenset[str]] = {}
    for token in passes:
        try:
            link = signer.read(token)
        except Refused:
            continue
        if link.album == album:
            found[link.photo_id] = found.get(link.photo_id, frozenset()) | link.viewer.own_faces
    return found


def _signer(services: App) -> PictureLinks:
    return PictureLinks(services.access_settings.token_secret, context=_CONTEXT)
