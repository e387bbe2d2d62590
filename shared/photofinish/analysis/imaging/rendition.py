"""Pictures derived from photos."""

from __future__ import annotations

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


def preview_jpeg(photo: DecodedPhoto) -> bytes:
    """Encode a JPEG: at most 1600 pixels a side, upright, in sRGB, without EXIF or other metadata."""
    small = fit_within(photo.image, PREVIEW_LONGEST_SIDE)
    if photo.colour_profile is not None:
        small = _to_srgb(small, photo.colour_profile)
    done, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, PREVIEW_JPEG_QUALITY])
    if not done:
        raise RuntimeError(f"OpenCV could not encode a {small.shape} picture as JPEG")
    return bytes(encoded)


def _to_srgb(image: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """Convert a (H, W, 3) BGR image to sRGB; unchanged if its ICC profile is broken or not for RGB."""
    converted = to_srgb(Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), profile)
    if converted is None:
        return image
    return cast("NDArray[np.uint8]", cv2.cvtColor(np.asarray(converted), cv2.COLOR_RGB2BGR))
