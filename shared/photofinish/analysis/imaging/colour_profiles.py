"""Embedded ICC profiles. A broken one counts as absent, as in browsers."""

from __future__ import annotations

import io

from PIL import Image, ImageCms


def is_srgb(profile: bytes | None) -> bool:
    """Whether colours with this profile are sRGB; so are those without one."""
    if profile is None:
        return True
    try:
        description = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError):
        return True
    return "srgb" in description.lower()


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert an image to sRGB in mode RGB; None if the profile is broken or not for the image's mode."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
