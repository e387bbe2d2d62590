"""What decoding takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from photofinish.domain.analysis import ImageInfo
from photofinish.domain.photo_warning import PhotoWarning
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.errors import RejectedInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which photos are accepted."""

    max_file_bytes: int = MAX_PHOTO_BYTES
    max_pixels: int = 120_000_000
    """Width × height from the header, checked before anything is decoded. Such a picture is in memory at full size."""
    max_streamed_pixels: int = 250_000_000
    """Of JPEG files that are decoded row by row straight to a smaller size, as all cameras and phones write them."""
    max_unfolded_pixels: int = 64_000_000
    """Of PNG, WebP, AVIF, GIF and BMP files. A few hundred kilobytes of them can unfold to any number of pixels, in up
    to 15 bytes each, and photos of this size come as JPEG, HEIC or TIFF."""
    max_scanned_pixels: int = 1_500_000_000
    """Of a JPEG that is stored in several passes over all its pixels: pixels × passes. Each costs about 5 ns."""
    max_decoded_pixels: int = 36_000_000
    """Larger pictures are decoded at half their width or less: no analysis needs more, and memory is bounded."""
    min_side: int = 16
    max_processor_s: int = 20
    """Of decoding, on one core; photos take less than 2."""
    max_decode_s: float = 60.0
    """By the clock, in a separate process: enough for a machine that is busy with other things."""

    def check(self, size: tuple[int, int], *, is_streamed: bool = False, is_unfolded: bool = False) -> None:
        """Check a picture of (width, height) `size`.

        Raises:
            RejectedInput: `too_many_pixels` or `too_small`.
        """
        width, height = size
        limit = max(self.max_pixels, self.max_streamed_pixels) if is_streamed else self.max_pixels
        if is_unfolded:
            limit = min(limit, self.max_unfolded_pixels)
        if width * height > limit:
            raise RejectedInput(
                "too_many_pixels",
                f"The picture has {width} × {height} pixels ({width * height / 1e6:.0f} megapixels); "
                f"the limit is {limit / 1e6:.0f} megapixels. Upload it in a smaller size.",
            )
        if min(width, height) < self.min_side:
            raise RejectedInput(
                "too_small",
                f"The picture has {width} × {height} pixels; each side needs at least {self.min_side}.",
            )

    def reduction(self, size: tuple[int, int]) -> int:
        """The divisor of width and height (1, 2, 4 or 8) that keeps the decoded pixels within the limit."""
        pixels = size[0] * size[1]
        return next((factor for factor in (1, 2, 4) if pixels <= self.max_decoded_pixels * factor**2), 8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPhoto:
    """A decoded picture, ready for the analysis."""

    image: NDArray[np.uint8]
    """(H, W, 3) BGR, upright, C-contiguous; smaller than the size in `info` if the picture is very large."""
    info: ImageInfo
    colour_profile: bytes | None
    """ICC profile of `image`'s colours; None for sRGB."""
    warnings: tuple[PhotoWarning, ...] = ()
    doubtful_orientation: int = 1
    """An EXIF orientation that was not applied because the file's format has another place for it, which is empty."""


def upright(image: MatLike, orientation: int) -> NDArray[np.uint8]:
    """Apply an EXIF orientation to a stored picture: 2, 4, 5 and 7 are mirrored, 3 and 5 to 8 are rotated."""
    match orientation:
        case 2:
            image = cv2.flip(image, 1)
        case 3:
            image = cv2.rotate(image, cv2.ROTATE_180)
        case 4:
            image = cv2.flip(image, 0)
        case 5:
            image = cv2.transpose(image)
        case 6:
            image = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
        case 7:
            image = cv2.flip(cv2.transpose(image), -1)
        case 8:
            image = cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
    return np.ascontiguousarray(image, np.uint8)
