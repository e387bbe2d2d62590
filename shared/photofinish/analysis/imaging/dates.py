"""When a photo was taken, from the dates of its EXIF and XMP. The data is untrusted: broken values count as absent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from PIL import ExifTags

from photofinish.analysis.imaging.exif_text import exif_text

# Tags of a date, its time zone and its fractions of a second, the best date first.
_DATES = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal, ExifTags.Base.SubsecTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized, ExifTags.Base.SubsecTimeDigitized),
)
# When the file was last changed. Most cameras write it as they write the others; an editor changes it.
_CHANGED = (ExifTags.Base.DateTime, ExifTags.Base.OffsetTime, ExifTags.Base.SubsecTime)
_DATE = r"\s*(?P<year>\d{4})\s*[:/.\- ]\s*(?P<month>\d{1,2})\s*[:/.\- ]\s*(?P<day>\d{1,2})"
_TIME = r"(?P<hour>\d{1,2})\s*:\s*(?P<minute>\d{1,2})(?:\s*:\s*(?P<second>\d{1,2})(?:[.,](?P<fraction>\d+))?)?"
_MOMENT = re.compile(
    rf"{_DATE}(?:(?:\s*T\s*|[\s,:]+){_TIME}\s*(?P<half>[AaPp][Mm])?\s*(?P<zone>[A-Za-z]{{1,5}}|[+\-−]\d[\d:]*)?)?\s*",
    re.ASCII,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})[T ]?(\d{2})(\d{2})(\d{2})", re.ASCII)
_OFFSET = re.compile(r"([+\-−])(\d{1,2})(?::?(\d{2}))?", re.ASCII)
_XMP_DATE = re.compile(
    rb"(?:exif:DateTimeOriginal|photoshop:DateCreated|xmp:CreateDate)\s*(?:=\s*[\"']|>)\s*([0-9][^\"'<]{0,40})"
)
_MAX_XMP_BYTES = 256 * 1024
# From UTC-12 to UTC+14; zones differ by quarters of an hour.
_ZONES = (timedelta(hours=-12), timedelta(hours=14))
_QUARTER = timedelta(minutes=15)
# A GPS receiver's time is at most so old when the camera writes it.
_MAX_GPS_AGE = timedelta(minutes=2)


def taken_at(
    tags: Mapping[int, Any], photo_tags: Mapping[int, Any], gps_tags: Mapping[int, Any], xmp: bytes = b""
) -> datetime | None:
    """The moment at which a photo was taken, with a time zone where one is known.

    The first of: DateTimeOriginal, DateTimeDigitized, a date in the XMP, the time of the GPS receiver (UTC), and the
    DateTime at which the file was changed. `tags` are those of the first directory, where some programs put all dates.
    A local time without a zone gets it from the GPS time, where that differs by whole quarters of an hour.
    """
    both = {**tags, **photo_tags}
    gps = _gps_time(gps_tags)
    found = next(filter(None, (_tagged(both, *names) for names in _DATES)), None) or _in_xmp(xmp)
    found = found or gps or _tagged(both, *_CHANGED)
    if found is not None and found.tzinfo is None and gps is not None:
        zone = _zone_between(found, gps)
        return found if zone is None else found.replace(tzinfo=timezone(zone))
    return found


def parse_moment(text: str, offset: str = "", subsecond: str = "") -> datetime | None:
    """Parse a date as cameras and programs write it: `2024:05:01 09:30:00`, with `-`, `/`, `T`, a fraction, a zone.

    Seconds, or the time, may be missing; an hour of 24 is midnight, at which the day has begun already. `offset` is the
    text of the zone's own tag, such as `+02:00`, `+0200` or `Z`, and `subsecond` that of the fraction's. None if there
    is no such day or time.
    """
    text = text.strip()
    if compact := _COMPACT.fullmatch(text):
        text = "{}:{}:{} {}:{}:{}".format(*compact.groups())
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    hour, second = int(match["hour"] or 0), int(match["second"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
    try:
        moment = datetime(
            int(match["year"]),
            int(match["month"]),
            int(match["day"]),
            0 if hour == 24 else hour,
            int(match["minute"] or 0),
            min(second, 59) if second == 60 else second,
        )
    except ValueError:
        return None
    fraction = match["fraction"] or (subsecond.strip() if subsecond.strip().isdecimal() else "")
    if fraction.isascii() and fraction:
        moment = moment.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    zone = parse_offset(offset)
    return moment.replace(tzinfo=parse_offset(match["zone"] or "") if zone is None else zone)


def parse_offset(text: str) -> timezone | None:
    """Parse `+02:00`, `+0200`, `+2` or `Z`; None for anything else, and for a zone that does not exist."""
    text = text.strip()
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    offset = timedelta(minutes=minutes if match[1] == "+" else -minutes)
    return timezone(offset) if int(match[3] or 0) < 60 and _ZONES[0] <= offset <= _ZONES[1] else None


def _tagged(tags: Mapping[int, Any], date: int, offset: int, subsecond: int) -> datetime | None:
    return parse_moment(exif_text(tags.get(date)), exif_text(tags.get(offset)), exif_text(tags.get(subsecond)))


def _in_xmp(xmp: bytes) -> datetime | None:
    """The first date of creation in XMP. Its bytes are searched: parsing XML that is not trusted is risky."""
    found = (parse_moment(match[1].decode("ascii", "replace")) for match in _XMP_DATE.finditer(xmp[:_MAX_XMP_BYTES]))
    return next(filter(None, found), None)


def _gps_time(gps: Mapping[int, Any]) -> datetime | None:
    day = exif_text(gps.get(ExifTags.GPS.GPSDateStamp))
    try:
        hour, minute, second = (float(part) for part in gps[ExifTags.GPS.GPSTimeStamp])
        return parse_moment(f"{day} {int(hour):02}:{int(minute):02}:{int(second):02}", "Z")
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None


def _zone_between(local: datetime, utc: datetime) -> timedelta | None:
    """The zone in which the moment `utc` is `local`; None where the two do not fit."""
    difference = local - utc.replace(tzinfo=None)
    zone = round(difference / _QUARTER) * _QUARTER
    return zone if abs(difference - zone) <= _MAX_GPS_AGE and _ZONES[0] <= zone <= _ZONES[1] else None
