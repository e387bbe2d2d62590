"""Decode JPEG files, also those with damage that leaves the picture recognisable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from numpy.typing import NDArray

from photofinish.analysis.imaging import jpeg_structure
from photofinish.analysis.imaging.files import end_missing, metadata_damaged
from photofinish.analysis.imaging.formats import Format, unsupported
from photofinish.analysis.imaging.rejections import cut_off, damaged
from photofinish.domain.photo_warning import PhotoWarning, WarningCode

# A photo is analysed as long as clearly more than half of it is there: people's faces are mostly in its upper half.
MAX_MISSING_SHARE = 0.45
# No unit of a JPEG's pixels is wider; where data is missing, all units of a row are alike.
_UNIT_PX = 32
_PREMATURE_END = "premature end of data"
_ARITHMETIC = "arithmetic"
_UNUSUAL_SAMPLING = "Could not determine subsampling"
_SKIPPED_BYTES = re.compile(r"(\d+) extraneous bytes")
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


@dataclass(frozen=True, slots=True, eq=False)
class JpegPixels:
    """The pixels of a JPEG file, and what was wrong with it."""

    image: NDArray[np.uint8]
    """(H, W, 3) BGR or (H, W, 4) CMYK, not rotated."""
    warnings: tuple[PhotoWarning, ...] = ()


def decode_jpeg(content: bytes, size: tuple[int, int], *, cmyk: bool, reduction: int) -> JpegPixels:
    """Decode a JPEG of (width, height) `size`; each side of the pixels is divided by `reduction` (1, 2, 4 or 8).

    A file without errors is decoded once. One with errors is decoded without its metadata; if that still has errors,
    it is decoded as far as it goes, and what is missing decides.

    Raises:
        RejectedInput: `cut_off` or `damaged`.
    """
    try:
        return JpegPixels(_simplejpeg(content, size, cmyk, reduction, strict=True))
    except ValueError as error:
        first_problem = _problem(error)
    picture = jpeg_structure.only_the_picture(content)
    try:
        image = _simplejpeg(picture, size, cmyk, reduction, strict=True)
    except ValueError as error:
        return _as_far_as_it_goes(content, picture, size, cmyk, reduction, _problem(error))
    return JpegPixels(image, (_beside_the_picture(content, first_problem),))


def _as_far_as_it_goes(
    content: bytes, picture: bytes, size: tuple[int, int], cmyk: bool, reduction: int, problem: str
) -> JpegPixels:
    image: NDArray[np.uint8] | None
    if is_unusual_sampling := _UNUSUAL_SAMPLING in problem:
        image = _with_opencv(picture, cmyk, reduction)
    else:
        try:
            image = _simplejpeg(picture, size, cmyk, reduction, strict=False)
        except ValueError:  # of headers it forgives nothing
            image = _with_opencv(picture, cmyk, reduction)
    has_end = jpeg_structure.has_end(content)
    if image is None and _ARITHMETIC in problem.lower():
        raise unsupported("a JPEG with arithmetic coding", "Export it as an ordinary JPEG.")
    if image is None:
        raise damaged(Format.JPEG, problem) if has_end else cut_off(Format.JPEG)
    missing = _missing_share(image, reduction)
    is_short = not has_end or _PREMATURE_END in problem
    if is_short and missing > MAX_MISSING_SHARE:
        raise cut_off(Format.JPEG, f"the lower {missing:.0%} of the picture is missing")
    if is_short and jpeg_structure.lacks_detail(picture):
        raise cut_off(Format.JPEG, "most detail of the picture is missing")
    if is_unusual_sampling and not missing:
        return JpegPixels(image, () if has_end else (_beside_the_picture(content, problem),))
    warnings = []
    if missing or not has_end:
        warnings.append(_tail_missing(missing))
    if not is_unusual_sampling and (has_end or _PREMATURE_END not in problem):
        warnings.append(_pixels_damaged(problem))
    return JpegPixels(image, tuple(warnings))


def _beside_the_picture(content: bytes, problem: str) -> PhotoWarning:
    return metadata_damaged(problem) if jpeg_structure.has_end(content) else end_missing()


def _pixels_damaged(problem: str) -> PhotoWarning:
    return PhotoWarning(
        code=WarningCode.PIXELS_DAMAGED,
        message=f"The picture's data has errors, so parts of it may be wrong ({problem}).",
    )


def _tail_missing(share: float) -> PhotoWarning:
    what = f"The lower {max(share, 0.01):.0%} of the picture is" if share else "The end of the picture's data is"
    return PhotoWarning(
        code=WarningCode.TAIL_MISSING,
        message=f"{what} missing. Upload the photo again from the original if there is one.",
    )


def _problem(error: ValueError) -> str:
    """Return libjpeg's message in the words of a warning: `2,200 bytes skipped`."""
    message = str(error).strip()
    if skipped := _SKIPPED_BYTES.search(message):
        return f"{int(skipped[1]):,} bytes skipped"
    return message.removeprefix("Corrupt JPEG data: ").removeprefix("Warning: ")


def _simplejpeg(
    content: bytes, size: tuple[int, int], cmyk: bool, reduction: int, *, strict: bool
) -> NDArray[np.uint8]:
    """Decode with simplejpeg: the same pixels as OpenCV in half the time, and reduced already in the DCT.

    Raises:
        ValueError: the picture cannot be decoded or, if `strict`, has an error that decoders recover from.
    """
    width, height = (-(-side // reduction) for side in size)
    return cast(
        "NDArray[np.uint8]",
        simplejpeg.decode_jpeg(
            content,
            colorspace="CMYK" if cmyk else "BGR",
            min_height=height if reduction > 1 else 0,
            min_width=width if reduction > 1 else 0,
            strict=strict,
        ),
    )


def _with_opencv(content: bytes, cmyk: bool, reduction: int) -> NDArray[np.uint8] | None:
    """Decode with OpenCV, which knows every sampling of chroma, but tells no errors; None if it cannot either."""
    if cmyk:
        return None
    data = np.frombuffer(content, np.uint8)
    return cast("NDArray[np.uint8] | None", cv2.imdecode(data, _REDUCED[reduction] | cv2.IMREAD_IGNORE_ORIENTATION))


def _missing_share(image: NDArray[np.uint8], reduction: int) -> float:
    """The share of rows at the bottom that the decoder filled with grey, because their data is missing."""
    unit = max(1, _UNIT_PX // reduction)
    if image.shape[1] < 2 * unit:
        unit = 1
    if np.any(np.abs(image[-1, -unit:].astype(np.int16) - 128) > 1):
        return 0.0
    differs = np.any(image[:, unit:] != image[:, :-unit], axis=2).mean(axis=1) > 0.02
    filled = int(np.argmax(differs[::-1])) if differs.any() else len(differs)
    return max(filled, 1) / len(differs)
