"""From the bytes of a file to an upright picture, or to the reason why there is none."""

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
from PIL import Image, ImageCms, UnidentifiedImageError

from photofinish.analysis.imaging.exif import CameraNotes, read_exif
from photofinish.analysis.imaging.formats import Format, has_wrong_checksum, is_cut_off, recognise, unsupported
from photofinish.domain.analysis import ImageInfo
from photofinish.errors import RejectedInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a photo may be at most (and at least)."""

    max_file_bytes: int = 50_000_000
    max_pixels: int = 100_000_000
    """Of the picture as its header gives it, known before anything is decoded."""
    max_decoded_pixels: int = 36_000_000
    """Larger pictures are decoded at half their width or less: no analysis needs more, and memory is bounded."""
    min_side: int = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPhoto:
    """A picture as the analysis wants it."""

    image: NDArray[np.uint8]
    """(H, W, 3) BGR, upright, C-contiguous; smaller than `info` says where the picture is very large."""
    info: ImageInfo
    colour_profile: bytes | None
    """The embedded ICC profile of `image`'s colours; None for sRGB."""


_DEFAULT_LIMITS = Limits()
_DECODERS = {
    Format.JPEG: ("JPEG", "MPO"),
    Format.PNG: ("PNG",),
    Format.WEBP: ("WEBP",),
    Format.TIFF: ("TIFF",),
    Format.HEIF: ("HEIF",),
}
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, OverflowError, RuntimeError)
_NEW_SUBFILE_TYPE, _STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES, _DNG_VERSION = (
    254,
    273,
    279,
    324,
    325,
    50706,
)


def decode(content: bytes, *, limits: Limits = _DEFAULT_LIMITS) -> DecodedPhoto:
    """The upright picture in `content`, its EXIF orientation applied; the first frame where there are several.

    Transparent pixels become white, deeper channels become 8-bit, CMYK and grey become BGR.

    Raises:
        RejectedInput: `empty_file`, `file_too_large`, `not_a_picture`, `unsupported_format`, `cut_off`, `damaged`,
            `too_many_pixels` or `too_small`.
    """
    if not content:
        raise RejectedInput("empty_file", "The file is empty (0 bytes): the upload was probably interrupted.")
    if len(content) > limits.max_file_bytes:
        raise RejectedInput(
            "file_too_large",
            f"The file has {len(content) / 1e6:.0f} MB; at most {limits.max_file_bytes / 1e6:.0f} MB are taken.",
        )
    kind = recognise(content)
    if is_cut_off(content, kind):
        raise _cut_off(kind)
    if kind is Format.PNG and has_wrong_checksum(content):
        raise _damaged(kind, "its pixels have a wrong checksum")
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
    # Pillow turns TIFF and HEIF upright itself.
    orientation = 1 if kind in {Format.TIFF, Format.HEIF} else notes.orientation
    return DecodedPhoto(
        image=upright(image, orientation),
        info=_info(size[::-1] if orientation >= 5 else size, kind, notes),
        colour_profile=None if _is_srgb(profile) else profile,
    )


def upright(image: MatLike, orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation: 1 as it is, 2 mirrored, 3 turned by 180°, 6 and 8 turned by 90°, the others both."""
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
    """Process-wide settings of Pillow, made at the first picture."""
    # Embedded thumbnails, depth maps and the like are never looked at.
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    # Pillow would warn at 89 and fail at 179 megapixels; `Limits.max_pixels` decides here, from the header as well.
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
        raise _damaged(kind, "its header cannot be read") from None
    except (*_BROKEN, cv2.error) as error:
        raise _damaged(kind, str(error).strip() or type(error).__name__) from error


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise RejectedInput(
            "too_many_pixels",
            f"The picture has {width} × {height} pixels ({width * height / 1e6:.0f} megapixels); "
            f"at most {limits.max_pixels / 1e6:.0f} megapixels are taken.",
        )
    if min(width, height) < limits.min_side:
        raise RejectedInput(
            "too_small",
            f"The picture has {width} × {height} pixels; each side needs at least {limits.min_side} to show anything.",
        )


def _check_tiff(image: Image.Image, file_bytes: int) -> None:
    """Raw files are TIFFs whose first directory is a thumbnail; cut-off ones lack the end of their strips or tiles."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    if _DNG_VERSION in tags or int(tags.get(_NEW_SUBFILE_TYPE, 0)) & 1:
        raise unsupported("a camera raw file")
    for offsets, counts in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
        ends = (offset + count for offset, count in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False))
        if max(ends, default=0) > file_bytes:
            raise _cut_off(Format.TIFF)


def _reduction(size: tuple[int, int], limits: Limits) -> int:
    """By how much (1, 2, 4 or 8) to divide width and height, so that no more pixels are decoded than wanted."""
    pixels = size[0] * size[1]
    return next((factor for factor in (1, 2, 4) if pixels <= limits.max_decoded_pixels * factor**2), 8)


def _decode_jpeg(content: bytes, size: tuple[int, int], reduction: int) -> NDArray[np.uint8]:
    """Half the time of OpenCV, a fourth of Pillow, the same pixels; scaled inside the DCT where it is reduced.

    Errors that decoders recover from are let pass, as in browsers: one grey block is better than no photo.
    """
    width, height = (-(-side // reduction) for side in size)
    return cast(
        "NDArray[np.uint8]",
        simplejpeg.decode_jpeg(content, colorspace="BGR", min_height=height, min_width=width, strict=False),
    )


def _decode_with_pillow(
    image: Image.Image, profile: bytes | None, limits: Limits
) -> tuple[NDArray[np.uint8], tuple[int, int], bytes | None]:
    """The BGR pixels, the size before any reduction, and the profile that the pixels are left in."""
    image.load()
    size = image.size
    reduction = _reduction(size, limits)
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in {"I", "F", "LAB", "HSV"}:
        raise unsupported(f"a picture of an unusual kind (Pillow's mode {image.mode})")
    elif image.mode == "CMYK":
        if reduction > 1:
            image, reduction = image.reduce(reduction), 1
        image, profile = _cmyk_to_rgb(image, profile), None
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


def _cmyk_to_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile is None:
        return image.convert("RGB")
    try:
        inks = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, inks, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")  # a broken profile counts as none, as in browsers
    assert converted is not None  # it is only where the image itself is changed
    return converted


def _is_srgb(profile: bytes | None) -> bool:
    if profile is None:
        return True
    try:
        description = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError):
        return True  # a broken profile counts as none, as in browsers
    return "srgb" in description.lower()


def _cut_off(kind: Format) -> RejectedInput:
    return RejectedInput(
        "cut_off", f"The {kind.value} file is cut off: its end is missing. Upload it again from the original."
    )


def _damaged(kind: Format, why: str) -> RejectedInput:
    return RejectedInput(
        "damaged", f"The {kind.value} file is damaged ({why[:200]}). Upload it again from the original."
    )
