"""The preview that cameras embed in their raw files. The raw pixels themselves are not developed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import rawpy
from numpy.typing import NDArray
from PIL import Image

from photofinish.analysis.imaging import tiff
from photofinish.analysis.imaging.formats import Format, unsupported
from photofinish.analysis.imaging.rejections import damaged
from photofinish.domain.photo_warning import PhotoWarning, WarningCode
from photofinish.errors import RejectedInput

_ADVICE = "Export the photo as JPEG, or let the camera record RAW + JPEG, and upload the JPEG."
# LibRaw's numbers for half a turn, a quarter to the left and a quarter to the right, as EXIF orientations.
_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}
_OLDEST_YEAR = 1990
MIN_PREVIEW_PX = 640
"""Length of the longest side. Faces and numbers are hardly ever found in smaller ones."""
_KINDS = {b"FUJIFILMCCD-RAW": "RAF", b"IIRO": "ORF", b"IIRS": "ORF", b"MMOR": "ORF", b"IIU\0": "RW2"}
_TIFF_HEADERS = {b"II": b"II*\0", b"MM": b"MM\0*"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawPreview:
    """The largest picture embedded in a raw file, and what the file says about it."""

    jpeg: bytes | None
    rgb: NDArray[np.uint8] | None
    """(H, W, 3) where the preview is not compressed; one of the two is there."""
    orientation: int
    """As EXIF defines it: how the camera was held."""
    taken_at: datetime | None
    """Without a time zone."""
    carrier: Image.Image | None
    """Carries the file's EXIF, where it can be read."""


def read_preview(content: bytes) -> RawPreview:
    """Find the preview.

    Raises:
        RejectedInput: `unsupported_format` for raw files without a usable preview, or `damaged`.
    """
    try:
        with rawpy.imread(io.BytesIO(content)) as raw:
            preview = raw.extract_thumb()
            flip, taken_at = raw.sizes.flip, raw.other.timestamp
    except rawpy.LibRawFileUnsupportedError:
        raise unsupported(f"{name_of(content)} of an unknown kind", _ADVICE) from None
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError, rawpy.NotSupportedError):
        raise unsupported(f"{name_of(content)} without a JPEG preview", _ADVICE) from None
    except rawpy.LibRawError as error:
        raise damaged(Format.RAW, _words(error)) from error
    is_jpeg = preview.format is rawpy.ThumbFormat.JPEG
    return RawPreview(
        jpeg=bytes(preview.data) if is_jpeg else None,
        rgb=None if is_jpeg else np.asarray(preview.data, np.uint8),
        orientation=_ORIENTATIONS.get(flip, 1),
        taken_at=taken_at if taken_at.year >= _OLDEST_YEAR else None,
        carrier=_carrier(content),
    )


def name_of(content: bytes) -> str:
    """Name the kind of raw file, as far as it can be told."""
    kind = next((kind for start, kind in _KINDS.items() if content.startswith(start)), None)
    if content[4:12] == b"ftypcrx ":
        kind = "CR3"
    elif content[:4] in _TIFF_HEADERS.values():
        kind = "CR2" if content[8:10] == b"CR" else tiff.raw_kind(tiff.read_tags(content))
    return f"a camera raw file ({kind})" if kind else "a camera raw file"


def small_preview(content: bytes, size: tuple[int, int]) -> RejectedInput:
    """Make the rejection of a raw file with a preview of (width, height) `size`."""
    return unsupported(f"{name_of(content)} with a preview of only {size[0]} × {size[1]} pixels", _ADVICE)


def preview_was_used(size: tuple[int, int]) -> PhotoWarning:
    """Make the warning that every raw file gets."""
    return PhotoWarning(
        code=WarningCode.EMBEDDED_PREVIEW,
        message=f"The file is a camera raw file: the preview in it was analysed, of {size[0]} × {size[1]} pixels.",
    )


def _carrier(content: bytes) -> Image.Image | None:
    """Most raw files are TIFF files in all but the header."""
    header = _TIFF_HEADERS.get(content[:2])
    if header is None:
        return None
    carrier = Image.new("1", (1, 1))
    carrier.info["exif"] = b"Exif\0\0" + header + content[4:]
    return carrier


def _words(error: rawpy.LibRawError) -> str:
    words = error.args[0] if error.args else type(error).__name__
    return words.decode("ascii", "replace") if isinstance(words, bytes) else str(words)
