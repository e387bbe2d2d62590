"""Which picture of a photo is shown."""

from __future__ import annotations

from enum import StrEnum


class RenditionSize(StrEnum):
    """A rendition by its size; the README of `shared/` has the pixels."""

    PREVIEW = "preview"
    THUMBNAIL = "thumbnail"
