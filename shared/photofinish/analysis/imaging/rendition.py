"""Pictures derived from photos."""

from __future__ import annotations

import io
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photofinish.analysis.imaging.colour_profiles import to_srgb
from photofinish.analysis.imaging.decoding import DecodedPhoto
from photofinish.analysis.imaging.resizing import fit_within

PREVIEW_LONGEST_SIDE = 1600
PREVIEW_JPEG_QUALITY = 85
THUMBNAIL_LONGEST_SIDE = 320
# The default effort (4) takes twice the time for 4 % fewer bytes; see docs/benchmarks/pictures.md.
_THUMBNAIL_QUALITY, _THUMBNAIL_EFFORT = 70, 2


def preview_picture(photo: DecodedPhoto) -> NDArray[np.uint8]:
    """Return the pixels (H, W, 3) BGR of the preview: at most 1600 a side, upright, in sRGB."""
    small = fit_within(photo.image, PREVIEW_LONGEST_SIDE)
    return small if photo.colour_profile is None else _to_srgb(small, photo.colour_profile)


def preview_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Encode the pixels of a preview, (H, W, 3) BGR, without EXIF or other metadata."""
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, PREVIEW_JPEG_QUALITY])
    if not done:
        raise RuntimeError(f"OpenCV could not encode a {picture.shape} picture as JPEG")
    return bytes(encoded)


def preview_pixels(jpeg: bytes) -> NDArray[np.uint8]:
    """Decode a preview, which is a JPEG of our own, to (H, W, 3) BGR."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None, "a preview that we wrote is a JPEG"
    return np.ascontiguousarray(image, np.uint8)


def thumbnail_picture(preview: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale the pixels of a preview down to those of its thumbnail: at most 320 a side."""
    return fit_within(preview, THUMBNAIL_LONGEST_SIDE)


def thumbnail_webp(picture: NDArray[np.uint8]) -> bytes:
    """Encode the pixels of a thumbnail, (H, W, 3) BGR."""
    encoded = io.BytesIO()
    image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    image.save(encoded, "WEBP", quality=_THUMBNAIL_QUALITY, method=_THUMBNAIL_EFFORT)
    return encoded.getvalue()


def _to_srgb(image: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """Convert a (H, W, 3) BGR image to sRGB; unchanged if its ICC profile is broken or not for RGB."""
    converted = to_srgb(Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), profile)
    if converted is None:
        return image
    return cast("NDArray[np.uint8]", cv2.cvtColor(np.asarray(converted), cv2.COLOR_RGB2BGR))
