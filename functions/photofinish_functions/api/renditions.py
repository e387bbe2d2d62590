"""Signed links to renditions of photos."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field

from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import preview_name
from photofinish.ports import PhotoLinks
from photofinish_functions.api.schemas import Output

LINK_LIFETIME_S = 900


class Link(Output):
    url: str = Field(description="Signed: anyone who has it can fetch the picture until it expires, without a key.")
    expires_at: datetime


class Renditions(Output):
    preview: Link | None = Field(description="A smaller JPEG without metadata; null if the photo has none.")


def rendition_links(links: PhotoLinks, photos: Sequence[tuple[PhotoRef, str]], photo_bucket: str) -> list[Renditions]:
    """Links to the preview of each photo, given with its pipeline version.

    Photos outside `photo_bucket`, such as those indexed through the Rekognition API, have none.
    """
    names = [preview_name(photo, version) for photo, version in photos if photo.bucket == photo_bucket]
    signed = iter(sign_all(links, names))
    return [Renditions(preview=next(signed) if photo.bucket == photo_bucket else None) for photo, _ in photos]


def sign_all(links: PhotoLinks, names: list[str]) -> list[Link]:
    """Links to these objects of the derived bucket."""
    if not names:
        return []
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LINK_LIFETIME_S)
    return [Link(url=url, expires_at=expires_at) for url in links.rendition_urls(names, expires_in_s=LINK_LIFETIME_S)]
