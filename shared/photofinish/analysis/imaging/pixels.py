"""From pictures of any colour model to BGR pixels of a bounded size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photofinish.analysis.imaging.colour_profiles import to_srgb
from photofinish.analysis.imaging.formats import unsupported


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Pixels as they lie in the file."""

    bgr: NDArray[np.uint8]
    """(H, W, 3), not rotated."""
    colour_profile: bytes | None
    """ICC profile that these pixels still have."""


def from_pillow(image: Image.Image, profile: bytes | None, reduction: int) -> Pixels:
    """Convert a loaded Pillow image, each side divided by `reduction`.

    Transparent pixels become white. Grey of more than 8 bits has to be scaled before.

    Raises:
        RejectedInput: `unsupported_format` for colours that are rarely seen.
        ValueError: the image has no palette, though its pixels are numbers of colours.
    """
    if image.mode in {"I", "F", "LAB", "HSV"} or image.mode.startswith("I;"):
        raise unsupported(f"a picture with unusual colours (Pillow's mode {image.mode})")
    if image.mode in {"P", "PA"} and image.palette is None:
        raise ValueError("its palette is missing")
    if image.mode == "CMYK":
        return from_cmyk(_reduced(image, reduction), profile)
    if image.has_transparency_data:
        image = _reduced(_in_mode(image, "RGBA"), reduction)
        opaque = Image.new("RGB", image.size, "white")
        opaque.paste(image, mask=image.getchannel("A"))
        image, reduction = opaque, 1
    is_grey = image.mode in {"L", "1"}
    pixels = np.asarray(_reduced(_in_mode(image, "L" if is_grey else "RGB"), reduction))
    bgr = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR if is_grey else cv2.COLOR_RGB2BGR)
    return Pixels(cast("NDArray[np.uint8]", bgr), None if is_grey else profile)


def from_cmyk(image: Image.Image, profile: bytes | None) -> Pixels:
    """Convert a Pillow image of mode CMYK to sRGB, by its profile if that is usable."""
    converted = (to_srgb(image, profile) if profile else None) or image.convert("RGB")
    return Pixels(cast("NDArray[np.uint8]", cv2.cvtColor(np.asarray(converted), cv2.COLOR_RGB2BGR)), None)


def from_channels(pixels: NDArray[np.uint8], profile: bytes | None, reduction: int) -> Pixels:
    """Convert (H, W, 1, 2, 3 or 4) pixels of the order grey or BGR, then opacity; the result has its own memory."""
    given = pixels
    height, width, channels = pixels.shape
    if reduction > 1:
        size = (-(-width // reduction), -(-height // reduction))
        pixels = cast("NDArray[np.uint8]", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
        pixels = pixels.reshape(*pixels.shape[:2], channels)
    if channels in {2, 4}:
        opacity = pixels[:, :, -1:].astype(np.uint16)
        colours = pixels[:, :, :-1]
        # Over white, rounded.
        pixels = ((colours * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
    if channels <= 2:
        return Pixels(cast("NDArray[np.uint8]", cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)), None)
    return Pixels(pixels if pixels is not given else pixels.copy(), profile)


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert, without the copy that Pillow makes of an image that has the mode already."""
    return image if image.mode == mode else image.convert(mode)


def _reduced(image: Image.Image, reduction: int) -> Image.Image:
    return image.reduce(reduction) if reduction > 1 else image
