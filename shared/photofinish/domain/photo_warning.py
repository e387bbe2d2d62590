"""What was not as it should be with a photo that was analysed all the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WarningCode(StrEnum):
    """Why a photo's analysis may miss something, or may surprise."""

    METADATA_DAMAGED = "metadata_damaged"
    """Something beside the picture (a profile, a text, a length) is broken and was ignored; the pixels are whole."""
    END_MISSING = "end_missing"
    """The file's end is missing, but no pixel is."""
    PIXELS_DAMAGED = "pixels_damaged"
    """The decoder found errors in the pixels' data: parts of the picture may be wrong."""
    TAIL_MISSING = "tail_missing"
    """The lower part of the picture is missing, or its finest detail; of a video its end."""
    EMBEDDED_PREVIEW = "embedded_preview"
    """The file is a camera raw file, and the preview embedded in it was analysed."""
    TURNED_BY_EXIF = "turned_by_exif"
    """An HEIC picture was turned as its EXIF says, because faces or text are upright then."""
    MAYBE_SIDEWAYS = "maybe_sideways"
    """An HEIC picture's EXIF says to turn it, the file itself does not, and nothing in it shows which is right."""
    PEOPLE_LEFT_OUT = "people_left_out"
    """More people or numbers are in the video than a result can have; those that are seen best are in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoWarning:
    """One warning about one photo."""

    code: WarningCode
    message: str
    """A sentence that a photographer understands."""
