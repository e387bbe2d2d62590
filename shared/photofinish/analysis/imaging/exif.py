"""Time, camera and orientation from EXIF. The data is untrusted: broken values count as absent."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from PIL import ExifTags, Image

_MAX_CAMERA_CHARS = 100
_BROKEN = (ValueError, TypeError, KeyError, IndexError, OSError, SyntaxError, struct.error, OverflowError)
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraNotes:
    """The EXIF values that the pipeline uses."""

    orientation: int
    """1 to 8, as EXIF defines them; 1 is upright."""
    taken_at: datetime | None
    camera: str | None


def read_exif(image: Image.Image) -> CameraNotes:
    """Read the EXIF of an opened picture; only its header is read."""
    try:
        exif = image.getexif()
        tags: dict[int, Any] = dict(exif)
        photo_tags: dict[int, Any] = dict(exif.get_ifd(ExifTags.IFD.Exif))
    except _BROKEN:
        return CameraNotes(orientation=1, taken_at=None, camera=None)
    orientation = tags.get(ExifTags.Base.Orientation)
    return CameraNotes(
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
        taken_at=taken_at(
            _text(photo_tags.get(ExifTags.Base.DateTimeOriginal)),
            _text(photo_tags.get(ExifTags.Base.OffsetTimeOriginal)),
            _text(photo_tags.get(ExifTags.Base.SubsecTimeOriginal)),
        ),
        camera=camera_name(_text(tags.get(ExifTags.Base.Make)), _text(tags.get(ExifTags.Base.Model))),
    )


def taken_at(date_time: str, offset: str = "", subsecond: str = "") -> datetime | None:
    """Parse EXIF's `2024:05:01 09:30:00`, `+02:00` and `123`; without a time zone if the offset is absent or broken."""
    try:
        moment = datetime.strptime(date_time, "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    if subsecond.isascii() and subsecond.isdigit():
        moment = moment.replace(microsecond=int(subsecond[:6].ljust(6, "0")))
    zone = _OFFSET.fullmatch(offset)
    if zone is None:
        return moment
    sign = -1 if zone[1] == "-" else 1
    minutes = sign * (int(zone[2]) * 60 + int(zone[3]))
    return moment.replace(tzinfo=timezone(timedelta(minutes=minutes))) if abs(minutes) < 24 * 60 else moment


def camera_name(make: str, model: str) -> str | None:
    """Join make and model, without repeating the make: `Canon` and `Canon EOS R6` give `Canon EOS R6`."""
    name = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return name[:_MAX_CAMERA_CHARS] or None


def _text(value: object) -> str:
    """Decode an EXIF text and remove characters that are not printable."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value.split("\0")[0] if character.isprintable()).strip()
