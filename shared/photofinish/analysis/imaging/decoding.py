"""Decode the bytes of a file to an upright picture, or reject them with a reason."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import pillow_heif
import simplejpeg  # type: ignore[import-untyped]
from cv2.typing import MatLike
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from photofinish.analysis.imaging.colour_profiles import is_srgb, to_srgb
from photofinish.analysis.imaging.exif import CameraNotes, read_exif
from photofinish.analysis.imaging.formats import Format, has_wrong_checksum, is_cut_off, recognise, unsupported
from photofinish.domain.analysis import ImageInfo
from photofinish.domain.work import MAX_PHOTO_BYTES, check_size
from photofinish.errors import RejectedInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which photos are accepted."""

    max_file_bytes: int = MAX_PHOTO_BYTES
    max_pixels: int = 100_000_000
    """Width × height from the header, checked before anything is decoded."""
    max_decoded_pixels: int = 36_000_000
    """Larger pictures are decoded at half their width or less: no analysis needs more, and memory is bounded."""
    min_side: int = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPhoto:
    """A decoded picture, ready for the analysis."""

    image: NDArray[np.uint8]
    """(H, W, 3) BGR, upright, C-contiguous; smaller than the size in `info` if the picture is very large."""
    info: ImageInfo
    colour_profile: bytes | None
    """ICC profile of `image`'s colours; None for sRGB."""


_DEFAULT_LIMITS = Limits()
_DECODERS = {
    Format.JPEG: ("JPEG", "MPO"),
    Format.PNG: ("PNG",),
    Format.WEBP: ("WEBP",),
    Format.TIFF: ("TIFF",),
    Format.HEIF: ("HEIF",),
}
# Errors that Pillow and the decoders raise for damaged files.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, OverflowError, RuntimeError)
# Numbers of TIFF tags.
_NEW_SUBFILE_TYPE, _DNG_VERSION = 254, 50706
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325


def decode(content: bytes, *, limits: Limits = _DEFAULT_LIMITS) -> DecodedPhoto:
    """Decode the picture in `content` and apply its EXIF orientation; the first frame if there are several.

    Transparent pixels become white, deeper channels 8-bit, CMYK and grey BGR.

    Raises:
        RejectedInput: `empty_file`, `file_too_large`, `not_a_picture`, `unsupported_format`, `cut_off`, `damaged`,
            `too_many_pixels` or `too_small`.
    """
    check_size(len(content), limits.max_file_bytes)
    kind = recognise(content)
    if is_cut_off(content, kind):
        raise _cut_off(kind)
    if kind is Format.PNG and has_wrong_checksum(content):
        raise _damaged(kind, "wrong checksum of its pixels")
    with _rejecting_damage(kind), _opened(content, kind) as opened:
        _check_size(opened.size, limits)
        if kind is Format.TIFF:
            _check_tiff(opened, len(content))
        notes = read_exif(opened)
        profile = cast("bytes | None", opened.info.get("icc_profile")) or None
        if kind is Format.JPEG and opened.mode in {"RGB", "L"}:
            size = opened.size
            image = _decode_jpeg(content, size, _reduction(size, limits))
        else:
            image, size, profile = _decode_with_pillow(opened, profile, limits)
    # Pillow applies the orientation of TIFF and HEIF itself.
    orientation = 1 if kind in {Format.TIFF, Format.HEIF} else notes.orientation
    return DecodedPhoto(
        image=upright(image, orientation),
        info=_info(size[::-1] if orientation >= 5 else size, kind, notes),
        colour_profile=None if is_srgb(profile) else profile,
    )


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


def _info(size: tuple[int, int], kind: Format, notes: CameraNotes) -> ImageInfo:
    width, height = size
    return ImageInfo(width=width, height=height, format=kind.value, taken_at=notes.taken_at, camera=notes.camera)


@functools.cache
def _prepare_pillow() -> None:
    """Set Pillow up for the whole process, at the first picture."""
    # Embedded thumbnails, depth maps and the like are not used.
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    # Pillow would warn at 89 and fail at 179 megapixels; `Limits.max_pixels` decides instead, also from the header.
    Image.MAX_IMAGE_PIXELS = None


@contextmanager
def _opened(content: bytes, kind: Format) -> Iterator[Image.Image]:
    _prepare_pillow()
    with Image.open(io.BytesIO(content), formats=_DECODERS[kind]) as image:
        yield image


@contextmanager
def _rejecting_damage(kind: Format) -> Iterator[None]:
    try:
        yield
    except RejectedInput:
        raise
    except UnidentifiedImageError:
        raise _damaged(kind, "unreadable header") from None
    except (*_BROKEN, cv2.error) as error:
        raise _damaged(kind, str(error).strip() or type(error).__name__) from error


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise RejectedInput(
            "too_many_pixels",
            f"The picture has {width} × {height} pixels ({width * height / 1e6:.0f} megapixels); "
            f"the limit is {limits.max_pixels / 1e6:.0f} megapixels.",
        )
    if min(width, height) < limits.min_side:
        raise RejectedInput(
            "too_small",
            f"The picture has {width} × {height} pixels; each side needs at least {limits.min_side}.",
        )


def _check_tiff(image: Image.Image, file_bytes: int) -> None:
    """Reject raw files, whose first directory is a thumbnail, and files whose strips or tiles are cut off."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    if _DNG_VERSION in tags or int(tags.get(_NEW_SUBFILE_TYPE, 0)) & 1:
        raise unsupported("a camera raw file")
    for offsets, counts in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
        ends = (offset + count for offset, count in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False))
        if max(ends, default=0) > file_bytes:
            raise _cut_off(Format.TIFF)


def _reduction(size: tuple[int, int], limits: Limits) -> int:
    """The divisor of width and height (1, 2, 4 or 8) that keeps the decoded pixels within the limit."""
    pixels = size[0] * size[1]
    return next((factor for factor in (1, 2, 4) if pixels <= limits.max_decoded_pixels * factor**2), 8)


def _decode_jpeg(content: bytes, size: tuple[int, int], reduction: int) -> NDArray[np.uint8]:
    """Decode with simplejpeg: the same pixels as OpenCV in half the time, and reduced already in the DCT.

    Errors that decoders recover from are accepted, as in browsers: one grey block is better than no photo.
    """
    width, height = (-(-side // reduction) for side in size)
    return cast(
        "NDArray[np.uint8]",
        simplejpeg.decode_jpeg(content, colorspace="BGR", min_height=height, min_width=width, strict=False),
    )


def _decode_with_pillow(
    image: Image.Image, profile: bytes | None, limits: Limits
) -> tuple[NDArray[np.uint8], tuple[int, int], bytes | None]:
    """Return BGR pixels, the size before any reduction, and the profile that the pixels still have."""
    image.load()
    size = image.size
    reduction = _reduction(size, limits)
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in {"I", "F", "LAB", "HSV"}:
        raise unsupported(f"a picture with unusual colours (Pillow's mode {image.mode})")
    elif image.mode == "CMYK":
        if reduction > 1:
            image, reduction = image.reduce(reduction), 1
        image, profile = (to_srgb(image, profile) if profile else None) or image.convert("RGB"), None
    elif image.has_transparency_data:
        opaque = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(opaque, mask=opaque.getchannel("A"))
    grey = image.mode in {"L", "1"}
    image = image.convert("L" if grey else "RGB")
    if reduction > 1:
        image = image.reduce(reduction)
    pixels = np.asarray(image)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR if grey else cv2.COLOR_RGB2BGR)
    return cast("NDArray[np.uint8]", bgr), size, None if grey else profile


def _cut_off(kind: Format) -> RejectedInput:
    return RejectedInput(
        "cut_off", f"The {kind.value} file is incomplete: its end is missing. Upload it again from the original."
    )


def _damaged(kind: Format, why: str) -> RejectedInput:
    return RejectedInput(
        "damaged", f"The {kind.value} file is damaged ({why[:200]}). Upload it again from the original."
    )
