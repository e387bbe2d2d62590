"""List the photos of an album, page by page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from photofinish.application.cursors import decode_cursor, encode_cursor, malformed
from photofinish.domain.photo_listing import PhotoListing, Position
from photofinish.ports import Documents, PhotoRecord

_PHOTO_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoPage:
    """Some photos of a listing, in its order."""

    photos: tuple[PhotoRecord, ...]
    next_cursor: str | None
    """For the next page; None on the last."""


def list_photos(
    album: str, listing: PhotoListing, *, limit: int, cursor: str | None, documents: Documents
) -> PhotoPage:
    """Return the page after `cursor`, which is the `next_cursor` of the page before, or None for the first page.

    Raises:
        InvalidQuery: the cursor is malformed, or was made for another listing.
    """
    query = (album, listing)
    found = documents.list_page(album, listing, limit=limit + 1, after=_position(query, cursor))
    shown = tuple(found[:limit])
    if len(found) <= limit:
        return PhotoPage(photos=shown, next_cursor=None)
    last = listing.position(shown[-1].ref, shown[-1].fields)
    return PhotoPage(photos=shown, next_cursor=encode_cursor(query, list(last)))


def _position(query: tuple[str, PhotoListing], cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    position = tuple(decode_cursor(query, cursor))
    has_its_form = len(position) == (3 if query[1].by_time else 2) and all(map(_is_text, position))
    if not (has_its_form and _PHOTO_ID.fullmatch(position[-1])):
        raise malformed()
    return position


def _is_text(value: object) -> bool:
    """Whether it is a string that every store can take."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)
