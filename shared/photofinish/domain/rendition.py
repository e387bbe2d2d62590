"""Which picture of a photo is shown, and whether the album's watermark is drawn on it."""

from __future__ import annotations

from enum import StrEnum

from photofinish.domain.redaction import Viewer


class RenditionSize(StrEnum):
    """A rendition by its size; the README of `shared/` has the pixels."""

    PREVIEW = "preview"
    THUMBNAIL = "thumbnail"


def drawn_watermark(watermark: str | None, viewer: Viewer) -> str | None:
    """Return the text to draw for this viewer, of an album with this watermark; None: nothing is drawn.

    Organisers have the originals, so a mark on their previews would protect nothing.
    """
    return None if viewer.is_organiser or not watermark else watermark
