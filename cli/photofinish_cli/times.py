"""Times as people type them: `30d`, `12h`, `2026-05-01`, `2026-05-01T10:00+02:00`, `yesterday`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def local_time(moment: str | None) -> str:
    """An ISO 8601 moment for people: to the second, in this machine's zone; empty for None."""
    return "" if moment is None else f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S%z}"


def parse_duration(text: str) -> timedelta:
    """Raises ValueError where it is none."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"write a duration as a number and s, m, h, d or w, such as 30d, not {text[:40]!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def parse_since(text: str, now: datetime) -> datetime:
    """The moment so long ago, or the one that ISO 8601 names (UTC where it names no zone); ValueError for others."""
    if _DURATION.fullmatch(text.strip()):
        return now - parse_duration(text)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"write a time as 2h, 2026-05-01 or 2026-05-01T10:00, not {text[:40]!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_camera_time(text: str, today: date, *, is_end: bool) -> datetime:
    """A time by a camera's clock, so without a zone: `2026-05-01T10:00`, a day, `yesterday 10:30`, `10:30` of today.

    A day means its first moment, or with `is_end` its last second. Raises ValueError where it is none.
    """
    typed = text.strip()
    for word, day in (("today", today), ("yesterday", today - timedelta(days=1))):
        if typed.lower() == word or typed.lower().startswith(f"{word} "):
            typed = f"{day} {typed[len(word) :]}".strip()
    if _CLOCK.fullmatch(typed):
        typed = f"{today} {typed}"
    try:
        moment = datetime.fromisoformat(re.sub(r"\s+(\d:)", r" 0\1", re.sub(r"\s+", " ", typed)))
    except ValueError:
        raise ValueError(
            f"write a time as 2026-05-01T10:00, 2026-05-01, 'yesterday 10:30' or 10:30, not {text.strip()[:40]!r}"
        ) from None
    if moment.tzinfo is not None:
        raise ValueError(f"leave the time zone out of {typed[:40]!r}: it is a time by the camera's clock")
    is_day = re.fullmatch(r"[0-9-]+|[0-9]{4}-?W[0-9-]+", typed) is not None
    return datetime.combine(moment.date(), time(23, 59, 59)) if is_day and is_end else moment


def days_ahead(days: int) -> str:
    """How far ahead a day is, for something that happens then: `in 3 days`, `tomorrow`, `due now`."""
    if days <= 0:
        return "due now"
    return "tomorrow" if days == 1 else f"in {days} days"


def clock_time(seconds: float) -> str:
    """A time in a video as players show it: `1:23`, `2:01:23`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
