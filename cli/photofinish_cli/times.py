"""Times as people type them: `30d`, `12h`, `2026-05-01`, `2026-05-01T10:00+02:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


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
