"""What is handed to a decoder of a format, after its structure was examined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from photofinish.domain.photo_warning import PhotoWarning, WarningCode


@dataclass(frozen=True, slots=True)
class FileToDecode:
    """A file's content, perhaps mended, and what its decoder's errors mean."""

    content: bytes
    warnings: tuple[PhotoWarning, ...] = ()
    """What was mended; they count if the content can be decoded."""
    is_short: bool = False
    """Whether the file ends before its structure does, so that an error of the decoder means a cut-off file."""
    only_the_picture: Callable[[], bytes] | None = None
    """Makes the content without metadata, for decoders that fail on metadata."""


def metadata_damaged(what: str) -> PhotoWarning:
    """Make the warning of something beside the picture that is broken or too large."""
    return PhotoWarning(
        code=WarningCode.METADATA_DAMAGED,
        message=f"Data beside the picture was ignored, because it is damaged; every pixel is there ({what[:200]}).",
    )


def end_missing() -> PhotoWarning:
    """Make the warning of a file whose end is missing, but no pixel."""
    return PhotoWarning(
        code=WarningCode.END_MISSING,
        message="The end of the file is missing, but every pixel is there. Check that the file was copied completely.",
    )
