"""Time, camera and orientation from EXIF. The data is untrusted: broken values count as absent."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from photofinish.analysis.imaging.dates import taken_at
from photofinish.analysis.imaging.exif_text import exif_text

_MAX_CAMERA_CHARS = 100
_BROKEN = (ValueError, TypeError, KeyError, IndexError, OSError, SyntaxError, struct.error, OverflowError)
# What makers' names have besides the brand.
_CORPORATE = frozenset(
    {
        *("corporation", "corp", "company", "co", "inc", "ltd", "limited", "llc", "gmbh", "ag", "kk", "sa"),
        *("imaging", "optical", "camera", "cameras", "computer", "electronics", "international", "techwin"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraNotes:
    """The metadata that the pipeline uses."""

    orientation: int
    """1 to 8, as EXIF defines them; 1 is upright."""
    taken_at: datetime | None
    camera: str | None


def read_exif(image: Image.Image) -> CameraNotes:
    """Read the EXIF of an opened picture, and dates in its XMP; only its header is read."""
    try:
        exif = image.getexif()
        tags: dict[int, Any] = dict(exif)
    except _BROKEN:
        exif, tags = Image.Exif(), {}
    photo_tags, gps_tags = (_directory(exif, name) for name in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))
    orientation = tags.get(ExifTags.Base.Orientation)
    xmp = image.info.get("xmp")
    return CameraNotes(
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
        taken_at=taken_at(tags, photo_tags, gps_tags, xmp if isinstance(xmp, bytes) else b""),
        camera=camera_name(exif_text(tags.get(ExifTags.Base.Make)), exif_text(tags.get(ExifTags.Base.Model))),
    )


def camera_name(make: str, model: str) -> str | None:
    """Join the brand and the model, the brand once: `NIKON CORPORATION` and `NIKON D850` give `NIKON D850`.

    Words such as `Corporation` are no part of the brand.
    """
    words = re.findall(r"[^\s,.]+", make)
    brand = [word for word in words if word.lower() not in _CORPORATE] or words
    if make and model.lower().startswith(f"{make.lower()} "):
        model = model[len(make) :].strip()
    first = model.split(" ")[0].lower()
    name = model if first and first in (word.lower() for word in brand) else " ".join([*brand, model]).strip()
    return name[:_MAX_CAMERA_CHARS] or None


def _directory(exif: Image.Exif, name: int) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(name))
    except _BROKEN:
        return {}
