"""Links to the renditions of photos that the caller may see.

Where no policy of the album ever redacted faces, and the album has no watermark, a link is signed for the picture in
the bucket. Elsewhere it leads to this API, which makes the picture for its viewer, see `routes/pictures.py`; no link to
the bucket is answered then. Organisers see no watermark, so only redaction leads theirs to the API.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import request
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.photo import PhotoRef
from photofinish.domain.redaction import Viewer
from photofinish.domain.rendition import RenditionSize, drawn_watermark
from photofinish.domain.sidecar import preview_name, thumbnail_name
from photofinish.ports import PhotoLinks
from photofinish.wiring import App
from photofinish_functions.access.picture_links import PictureLink, PictureLinks
from photofinish_functions.api.document import server_of
from photofinish_functions.api.guarding import principal
from photofinish_functions.api.schemas import Output

LINK_LIFETIME_S = 900


class Link(Output):
    url: str = Field(description="Signed: anyone who has it can fetch the picture until it expires, without a key.")
    expires_at: datetime


class Renditions(Output):
    preview: Link | None = Field(
        description="A smaller JPEG without metadata, at most 1600 pixels a side, with the faces redacted that the "
        "album's policy hides from the caller, and with the album's watermark; null if the photo has none, as in "
        "albums that keep only results."
    )
    thumbnail: Link | None = Field(
        description="The same as a WebP of at most 320 pixels a side; null, too, for photos that were analysed before "
        "there were thumbnails, until they are analysed again."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A photo in an answer."""

    photo: PhotoRef
    preview: str | None
    """Name of its preview in the derived bucket; None: it has none."""
    thumbnail: str | None
    """Name of its thumbnail there; None: it has none."""
    own_faces: frozenset[str] = frozenset()
    """Ids of the faces in it that the caller's own selfie matched."""


def indexed_photo(
    services: App,
    photo: PhotoRef,
    pipeline_version: str,
    *,
    placeholder: bytes | None,
    own_faces: frozenset[str] = frozenset(),
) -> Shown:
    """A photo of the index. Those outside the photo bucket, as of the Rekognition API, have no renditions."""
    is_ours = photo.bucket == services.settings.photo_bucket
    return Shown(
        photo=photo,
        preview=preview_name(photo, pipeline_version) if is_ours else None,
        thumbnail=thumbnail_name(photo, pipeline_version) if is_ours and placeholder is not None else None,
        own_faces=own_faces,
    )


def rendition_links(services: App, album: str, photos: Sequence[Shown]) -> list[Renditions]:
    """Links to the pictures of these photos of `album` that the current caller may see, in order."""
    has_any = any(shown.preview is not None for shown in photos)
    if not has_any or not services.album_policies.policy(album).keep_originals:
        return [Renditions(preview=None, thumbnail=None) for _ in photos]
    is_organiser = principal().may(Scope.WRITE, album)
    if _is_made_by_api(services, album, is_organiser=is_organiser):
        return _picture_links(services, album, photos, is_organiser=is_organiser)
    return _bucket_links(services.links, photos)


def preview_file_url(services: App, album: str, shown: Shown, *, file_name: str) -> str | None:
    """A link to the preview of a photo of `album` that the current caller may see, to save it; None: there is none."""
    [links] = rendition_links(services, album, [shown])
    if shown.preview is None or links.preview is None:
        return None
    if _is_made_by_api(services, album, is_organiser=principal().may(Scope.WRITE, album)):
        return f"{links.preview.url}?download=true"
    return services.links.rendition_file_url(shown.preview, file_name=file_name, expires_in_s=LINK_LIFETIME_S)


def _is_made_by_api(services: App, album: str, *, is_organiser: bool) -> bool:
    """Whether viewers get what this API makes of a picture, not the one in the bucket."""
    is_marked = drawn_watermark(services.watermark_of(album), Viewer(is_organiser=is_organiser)) is not None
    return is_marked or services.album_policies.ever_redacted(album)


def picture_links(services: App) -> PictureLinks:
    """What signs links to pictures that this API makes."""
    return PictureLinks(services.access_settings.token_secret)


def _bucket_links(links: PhotoLinks, photos: Sequence[Shown]) -> list[Renditions]:
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LINK_LIFETIME_S)
    names = [name for shown in photos for name in (shown.preview, shown.thumbnail) if name is not None]
    urls: Iterator[str] = iter(links.rendition_urls(names, expires_in_s=LINK_LIFETIME_S))

    def link(name: str | None) -> Link | None:
        return None if name is None else Link(url=next(urls), expires_at=expires_at)

    return [Renditions(preview=link(shown.preview), thumbnail=link(shown.thumbnail)) for shown in photos]


def _picture_links(services: App, album: str, photos: Sequence[Shown], *, is_organiser: bool) -> list[Renditions]:
    signer, server = picture_links(services), server_of(request)
    expires_at_s = int(time.time()) + LINK_LIFETIME_S

    def link(shown: Shown, size: RenditionSize) -> Link:
        viewer = Viewer(is_organiser=is_organiser, own_faces=shown.own_faces)
        statement = PictureLink(
            album=album, photo_id=shown.photo.photo_id, viewer=viewer, expires_at_s=expires_at_s, size=size
        )
        expires_at = datetime.fromtimestamp(expires_at_s, UTC)
        return Link(url=f"{server}/v1/pictures/{signer.token(statement)}", expires_at=expires_at)

    return [
        Renditions(preview=None, thumbnail=None)
        if shown.preview is None
        # The API makes thumbnails of any preview, also where none is stored.
        else Renditions(
            preview=link(shown, RenditionSize.PREVIEW),
            thumbnail=link(shown, RenditionSize.THUMBNAIL),
        )
        for shown in photos
    ]
