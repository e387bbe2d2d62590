"""Decode the bytes of a file to an upright picture, or reject them with a reason."""

from __future__ import annotations

import functools
import importlib
import io
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from photofinish.analysis.imaging import heif, iso_media, jpeg, jpeg_structure, pixels, png, raw, tiff, webp
from photofinish.analysis.imaging.colour_profiles import is_srgb
from photofinish.analysis.imaging.decoded import DecodedPhoto, Limits, upright
from photofinish.analysis.imaging.exif import CameraNotes, read_exif
from photofinish.analysis.imaging.files import FileToDecode, metadata_damaged
from photofinish.analysis.imaging.formats import Format, recognise, unsupported
from photofinish.analysis.imaging.pixels import Pixels
from photofinish.analysis.imaging.rejections import cut_off, damaged
from photofinish.domain.analysis import ImageInfo
from photofinish.domain.photo_warning import PhotoWarning
from photofinish.domain.work import check_size

__all__ = ["DecodedPhoto", "Limits", "decode", "prepare", "upright"]

_DEFAULT_LIMITS = Limits()
# What Pillow, its plug-ins and pi-heif raise for broken files. Anything else is a bug, ours or theirs, and is reported.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError)
# The decoders of these raise RuntimeError for broken files, too.
_RAISING_RUNTIME_ERRORS = frozenset({Format.HEIF, Format.AVIF})
_TRUNCATED = re.compile("truncated|end of file|premature end", re.IGNORECASE)
# That of MPO is Pillow's for JPEG files that hold several pictures, as many cameras write them.
_PLUGINS = ("Avif", "Bmp", "Gif", "Jpeg", "Mpo", "Png", "Tiff", "WebP")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stored:
    """A picture as it lies in its file."""

    pixels: Pixels
    size: tuple[int, int]
    """Width and height before any reduction, not rotated."""
    notes: CameraNotes
    orientation: int
    """EXIF orientation that is still to be applied."""
    warnings: tuple[PhotoWarning, ...] = ()
    doubtful_orientation: int = 1


def decode(content: bytes, *, limits: Limits = _DEFAULT_LIMITS) -> DecodedPhoto:
    """Decode the picture in `content` and apply its EXIF orientation; the first frame if there are several.

    Transparent pixels become white, deeper channels 8-bit, CMYK and grey BGR. What is broken beside the picture, or
    leaves most of it, is told in `warnings`.

    Raises:
        RejectedInput: `empty_file`, `file_too_large`, `not_a_picture`, `unsupported_format`, `cut_off`, `damaged`,
            `too_many_pixels` or `too_small`.
    """
    check_size(len(content), limits.max_file_bytes)
    kind = recognise(content)
    match kind:
        case Format.JPEG:
            stored = _jpeg(content, limits)
        case Format.PNG:
            stored = _png(content, limits)
        case Format.TIFF:
            tags = tiff.read_tags(content)
            if tiff.is_raw(tags):
                return _raw(content, limits)
            stored = _tiff(content, tags, limits)
        case Format.HEIF:
            stored = _heif(content, limits)
        case Format.RAW:
            return _raw(content, limits)
        case Format.WEBP:
            if size := webp.claimed_size(content):
                limits.check(size, is_unfolded=True)
            stored = _with_pillow(webp.examined(content), kind, limits)
        case Format.AVIF:
            stored = _with_pillow(iso_media.examined(content), kind, limits)
        case Format.GIF | Format.BMP:
            stored = _with_pillow(FileToDecode(content), kind, limits)
    return _photo(stored, kind)


def _photo(stored: _Stored, kind: Format) -> DecodedPhoto:
    width, height = stored.size[::-1] if stored.orientation >= 5 else stored.size
    profile, notes = stored.pixels.colour_profile, stored.notes
    return DecodedPhoto(
        image=upright(stored.pixels.bgr, stored.orientation),
        info=ImageInfo(width=width, height=height, format=kind.value, taken_at=notes.taken_at, camera=notes.camera),
        colour_profile=None if is_srgb(profile) else profile,
        warnings=stored.warnings,
        doubtful_orientation=stored.doubtful_orientation,
    )


def _jpeg(content: bytes, limits: Limits) -> _Stored:
    _check_jpeg_kind(content)
    try:
        opened = _open(jpeg_structure.with_little_exif(content), ("JPEG",))
    except _BROKEN:
        with _rejecting(Format.JPEG, is_short=not jpeg_structure.has_end(content)):
            picture = jpeg_structure.only_the_picture(content)
            opened = _open(jpeg_structure.with_little_exif(picture), ("JPEG",))
    with opened:
        size = opened.size
        is_large = size[0] * size[1] > limits.max_pixels
        limits.check(size, is_streamed=is_large and jpeg_structure.is_streamed(content))
        scanned = {"pixels": size[0] * size[1], "max_scanned_pixels": limits.max_scanned_pixels}
        if jpeg_structure.has_too_many_scans(content, **scanned):
            raise unsupported("a JPEG in very many passes", "Export it as an ordinary JPEG.")
        notes, profile = read_exif(opened), _profile(opened)
        cmyk = opened.mode == "CMYK"
    decoded = jpeg.decode_jpeg(content, size, cmyk=cmyk, reduction=limits.reduction(size))
    if cmyk:
        # Adobe's programs, which write such files, store them inverted.
        found = pixels.from_cmyk(Image.fromarray(255 - decoded.image, "CMYK"), profile)
    else:
        found = Pixels(decoded.image, profile)
    return _Stored(pixels=found, size=size, notes=notes, orientation=notes.orientation, warnings=decoded.warnings)


def _check_jpeg_kind(content: bytes) -> None:
    header = jpeg_structure.read_header(content)
    if header is not None and header.bits != 8:
        raise unsupported(f"a JPEG with {header.bits} bits per channel", "Export it as JPEG with 8 bits, as usual.")
    if header is not None and not header.is_decodable:
        raise unsupported("a lossless or hierarchical JPEG", "Export it as an ordinary JPEG.")


def _png(content: bytes, limits: Limits) -> _Stored:
    file = png.examined(content)
    stored = _with_pillow(file, Format.PNG, limits)
    if stored.warnings and stored.pixels.colour_profile is None:
        found = Pixels(stored.pixels.bgr, png.colour_profile(content))
        return replace(stored, pixels=found)
    return stored


def _tiff(content: bytes, tags: dict[int, object], limits: Limits) -> _Stored:
    file = tiff.examined(content, tags)
    try:
        opened = _open(file.content, ("TIFF",))
    except UnidentifiedImageError:
        raise tiff.unidentified(tags) from None
    except _BROKEN as error:
        raise damaged(Format.TIFF, _words(error)) from error
    with opened, _rejecting(Format.TIFF, is_short=file.is_short):
        limits.check(opened.size)
        notes, profile = read_exif(opened), _profile(opened)
        opened.load()
        image: Image.Image = opened
        if opened.mode.startswith("I;16"):
            image = Image.fromarray(tiff.grey_levels(np.asarray(opened), tags))
        # Pillow has applied the orientation while loading.
        found = pixels.from_pillow(image, profile, limits.reduction(image.size))
        return _Stored(pixels=found, size=image.size, notes=notes, orientation=1, warnings=file.warnings)


def _heif(content: bytes, limits: Limits) -> _Stored:
    file = iso_media.examined(content)
    with _rejecting(Format.HEIF, is_short=file.is_short):
        opened = heif.open_heif(file.content)
        limits.check(opened.size)
        notes = read_exif(opened.carrier)
        found = pixels.from_channels(opened.pixels(), opened.colour_profile, limits.reduction(opened.size))
        return _Stored(
            pixels=found,
            size=opened.size,
            notes=notes,
            orientation=1,
            doubtful_orientation=1 if opened.is_turned_by_file else notes.orientation,
        )


def _raw(content: bytes, limits: Limits) -> DecodedPhoto:
    preview = raw.read_preview(content)
    if preview.jpeg is not None:
        stored = _jpeg(preview.jpeg, limits)
    else:
        rgb = cast("np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]", preview.rgb)
        size = (rgb.shape[1], rgb.shape[0])
        limits.check(size)
        bgr = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)
        nothing = CameraNotes(orientation=1, taken_at=None, camera=None)
        stored = _Stored(pixels=Pixels(bgr, None), size=size, notes=nothing, orientation=1)
    if max(stored.size) < raw.MIN_PREVIEW_PX:
        raise raw.small_preview(content, stored.size)
    notes = read_exif(preview.carrier) if preview.carrier else stored.notes
    stored = replace(
        stored,
        orientation=preview.orientation if stored.orientation == 1 else stored.orientation,
        notes=replace(
            stored.notes,
            camera=notes.camera or stored.notes.camera,
            taken_at=notes.taken_at or stored.notes.taken_at or preview.taken_at,
        ),
        warnings=(*stored.warnings, raw.preview_was_used(stored.size)),
    )
    return _photo(stored, Format.RAW)


def _with_pillow(file: FileToDecode, kind: Format, limits: Limits) -> _Stored:
    with _rejecting(kind, is_short=file.is_short):
        try:
            return replace(_read_with_pillow(file.content, kind, limits), warnings=file.warnings)
        except _BROKEN as error:
            if file.only_the_picture is None:
                raise
            told = metadata_damaged(_metadata_words(error))
        stored = _read_with_pillow(file.only_the_picture(), kind, limits)
        return replace(stored, warnings=(*file.warnings, told))


def _read_with_pillow(content: bytes, kind: Format, limits: Limits) -> _Stored:
    with _open(content, (kind.value,)) as opened:
        limits.check(opened.size, is_unfolded=True)
        notes, profile = read_exif(opened), _profile(opened)
        opened.load()
        image: Image.Image = opened
        if opened.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(opened) >> 8).astype(np.uint8))
        found = pixels.from_pillow(image, profile, limits.reduction(image.size))
        return _Stored(pixels=found, size=image.size, notes=notes, orientation=notes.orientation)


@functools.cache
def prepare() -> None:
    """Set Pillow up for the whole process, at the first picture or before it."""
    # Image.open fails on a format whose plug-in is not loaded yet.
    for plugin in _PLUGINS:
        importlib.import_module(f"PIL.{plugin}ImagePlugin")
    # What Pillow says on standard error of broken files is told by warnings of ours, where it matters.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    # Pillow would warn at 89 and fail at 179 megapixels; `Limits` decides instead, also from the header.
    Image.MAX_IMAGE_PIXELS = None


def _open(content: bytes, kinds: tuple[str, ...]) -> Image.Image:
    prepare()
    return Image.open(io.BytesIO(content), formats=kinds)


def _profile(image: Image.Image) -> bytes | None:
    return cast("bytes | None", image.info.get("icc_profile")) or None


@contextmanager
def _rejecting(kind: Format, *, is_short: bool) -> Iterator[None]:
    """Turn errors of decoders into rejections."""
    try:
        yield
    except (*_BROKEN, RuntimeError) as error:
        if isinstance(error, RuntimeError) and kind not in _RAISING_RUNTIME_ERRORS:
            raise
        if "not implemented" in str(error).lower():
            raise unsupported(f"an {kind.value} picture of a rare kind") from error
        if is_short or _TRUNCATED.search(str(error)):
            raise cut_off(kind) from error
        raise damaged(kind, _words(error)) from error


def _words(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "unreadable header"
    return str(error).strip() or type(error).__name__


def _metadata_words(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "a chunk with a wrong checksum or length"
    return "a text or profile of more than 1 MB" if "too large" in str(error) else _words(error)
