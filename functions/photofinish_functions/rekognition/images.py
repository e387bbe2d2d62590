"""Pictures that a request contains or names: their limits and errors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.analysis.imaging.formats import Format, recognise
from photofinish.application.pictures import PICTURE_LIMITS
from photofinish.domain.access import Principal, Scope
from photofinish.domain.photo import PhotoRef, is_album_name
from photofinish.errors import PhotoGone, RejectedInput
from photofinish.ports import PhotoStore
from photofinish_functions.rekognition.errors import (
    RekognitionError,
    image_too_large,
    invalid_image_format,
    invalid_parameter,
    invalid_s3_object,
)

MAX_OBJECT_BYTES = 15 * 2**20
_LIMITS = replace(PICTURE_LIMITS, max_file_bytes=MAX_OBJECT_BYTES, max_decoded_pixels=16_000_000, min_side=80)
_TOO_LARGE = {"file_too_large", "too_many_pixels", "too_much_memory"}
_DECODER_CODES = {"decoding_took_too_long", "decoder_failed"}
_NOT_DECODABLE = {"empty_file", "not_a_picture", "unsupported_format", "cut_off", "damaged", *_DECODER_CODES}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture of a request."""

    pixels: NDArray[np.uint8]
    """(H, W, 3) BGR, upright: its EXIF orientation is applied, as in AWS."""
    format: str
    sha256: str
    """Of the file's content, hexadecimal."""


def read_picture(
    image: Mapping[str, Any], principal: Principal, store: PhotoStore, photo_bucket: str, decoders: DecoderPool
) -> Picture:
    """Read and decode the picture of `image`, a checked structure; an S3Object is an object of `photo_bucket`.

    Raises:
        RekognitionError: InvalidParameterException, InvalidS3ObjectException, ImageTooLargeException or
            InvalidImageFormatException.
    """
    if ("Bytes" in image) == ("S3Object" in image):
        raise invalid_parameter("Request has invalid parameters: an Image has either Bytes or an S3Object")
    if "Bytes" in image:
        return _decoded(image["Bytes"], decoders)
    photo = _named_photo(image["S3Object"], store, photo_bucket)
    # A key for one album gives no access to the photos of another.
    if not is_album_name(photo.album) or not principal.may(Scope.SEARCH, photo.album):
        raise invalid_s3_object()
    try:
        return _decoded(store.read(photo, max_bytes=MAX_OBJECT_BYTES), decoders)
    except PhotoGone:
        raise invalid_s3_object() from None
    except RejectedInput as rejection:
        raise _refusal(rejection) from None


def _named_photo(named: Mapping[str, str], store: PhotoStore, photo_bucket: str) -> PhotoRef:
    if named.get("Bucket") != photo_bucket or "Name" not in named:
        raise invalid_s3_object()
    name, version = named["Name"], named.get("Version")
    if version is not None:
        if not version.isascii() or not version.isdecimal() or len(version) > 19:
            raise invalid_s3_object()
        return PhotoRef(bucket=photo_bucket, name=name, generation=int(version))
    # Objects are listed in order of name: of those whose names begin with this one, the object itself is the first.
    newest = next(iter(store.list_photos(name)), None)
    if newest is None or newest.ref.name != name:
        raise invalid_s3_object()
    return newest.ref


def _decoded(content: bytes, decoders: DecoderPool) -> Picture:
    try:
        kind = recognise(content)
        if kind not in (Format.JPEG, Format.PNG):
            raise invalid_image_format()
        pixels = decoders.decode(content, limits=_LIMITS).image
    except RejectedInput as rejection:
        raise _refusal(rejection) from None
    return Picture(pixels, kind.value, hashlib.sha256(content).hexdigest())


def _refusal(rejection: RejectedInput) -> RekognitionError:
    if rejection.code in _TOO_LARGE:
        return image_too_large(f"Image size is too large. {rejection.message}")
    if rejection.code in _NOT_DECODABLE:
        return invalid_image_format(f"Request has invalid image format. {rejection.message}")
    return invalid_parameter(f"Request has invalid parameters. {rejection.message}")
