"""Lines of log files as entries: parsed, filtered, and written as one line each.

Our processes write JSON with the field names of Cloud Logging; Postgres and others write text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from photofinish_cli.output import printable

if TYPE_CHECKING:  # only a terminal needs it
    from rich.text import Text

SEVERITIES = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_STYLES = {"DEBUG": "dim", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
_POSTGRES = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC \[\d+\] (?:\S+ )?(?P<severity>[A-Z]+\d?):\s+(?P<message>.*)"
)
_POSTGRES_SEVERITIES = {"WARNING": "WARNING", "ERROR": "ERROR", "FATAL": "CRITICAL", "PANIC": "CRITICAL"}
# Fields that have a column of their own, or say nothing to the reader of one line.
_COLUMNS = frozenset({"time", "severity", "message", "logger", "exception"})
_SHORT_NAMES = {"photo_id": "photo", "trace_id": "trace", "request_id": "request"}
_SHOWN_ID_CHARS = 8
_HEX_ID = re.compile("[0-9a-f]{32}")
MIN_ID_CHARS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """What one line of a log says."""

    at: datetime
    service: str
    """A piece of the local cloud (`api`), or a job (`analyze`)."""
    instance: str = ""
    """Of a job: execution and task, such as `analyze-x4k2p/0`."""
    severity: str
    message: str
    fields: Mapping[str, Any]
    """The line's JSON as it was written; empty for text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which entries are wanted: those that meet every condition given."""

    services: frozenset[str] = frozenset()
    """Pieces, jobs, executions or `EXECUTION/TASK`."""
    min_severity: str = "DEBUG"
    id: str | None = None
    """The beginning of a trace id, photo id or request id."""
    since: datetime | None = None

    def wants(self, entry: LogEntry) -> bool:
        names = {entry.service, entry.instance, entry.instance.partition("/")[0]}
        return (
            (not self.services or not self.services.isdisjoint(names))
            and (self.since is None or entry.at >= self.since)
            and _rank(entry.severity) >= _rank(self.min_severity)
            and (self.id is None or _mentions(entry.fields, self.id))
        )


def parse_lines(lines: Iterable[str], *, service: str, instance: str = "", untimed_at: datetime) -> Iterator[LogEntry]:
    """The entries of one file's lines, in order.

    A line without a time has that of the line before it; the first ones that of the first line with a time, or
    `untimed_at` where there is none.
    """
    parsed = [_parse(line.rstrip("\r\n")) for line in lines if line.strip()]
    at = next((found for found, *_ in parsed if found), untimed_at)
    for found, severity, message, fields in parsed:
        at = found or at
        yield LogEntry(at=at, service=service, instance=instance, severity=severity, message=message, fields=fields)


def _parse(line: str) -> tuple[datetime | None, str, str, dict[str, Any]]:
    """Time, severity, message, and the fields of a line of JSON."""
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if isinstance(fields, dict) and "message" in fields:
        severity = str(fields.get("severity", "INFO")).upper()
        return _time(fields.get("time")), severity, str(fields["message"]), fields
    if found := _POSTGRES.fullmatch(line):
        severity = _POSTGRES_SEVERITIES.get(found["severity"], "INFO")
        return _time(found["time"]), severity, found["message"], {}
    return None, "INFO", line, {}


def _time(value: Any) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else SEVERITIES.index("INFO")


def _mentions(value: Any, wanted: str) -> bool:
    match value:
        case str():
            return value.startswith(wanted)
        case dict():
            return any(_mentions(inner, wanted) for inner in value.values())
        case list():
            return any(_mentions(inner, wanted) for inner in value)
        case _:
            return False


def as_json(entry: LogEntry) -> dict[str, Any]:
    """The entry as it was written, with the service it is of; text becomes its `message`."""
    of = {"service": entry.service} | ({"instance": entry.instance} if entry.instance else {})
    written = dict(entry.fields) or {"severity": entry.severity, "message": entry.message}
    return of | {"time": entry.at.isoformat()} | written


def as_columns(entry: LogEntry) -> list[str]:
    """Time, service, severity, message, album, photo, and the other fields: for tab-separated output."""
    exception = _last_line(entry.fields.get("exception"))
    return [
        entry.at.isoformat(timespec="milliseconds"),
        entry.instance or entry.service,
        entry.severity,
        ": ".join(filter(None, [entry.message, exception])),
        str(entry.fields.get("album", "")),
        str(entry.fields.get("photo_id", "")),
        " ".join(f"{name}={_whole(value)}" for name, value in _others(entry.fields, {"album", "photo_id"})),
    ]


def as_text(entry: LogEntry, *, service_width: int, today: date) -> Text:
    """The entry for a terminal: local time, ids by their first characters, colours by severity; a traceback below."""
    from rich.text import Text

    local = entry.at.astimezone()
    day = "" if local.date() == today else f"{local:%Y-%m-%d} "
    style = _STYLES.get(entry.severity, "")
    line = Text()
    line.append(f"{day}{local:%H:%M:%S}.{local.microsecond // 1000:03d} ", style="dim")
    line.append(f"{entry.instance or entry.service:<{service_width}} ", style="cyan")
    line.append(f"{printable(entry.severity):<7} ", style=style or "green")
    line.append(printable(entry.message), style=style)
    for name, value in _others(entry.fields, set()):
        if value in (None, ""):
            continue
        line.append(f"  {printable(_SHORT_NAMES.get(name, name))}=", style="dim")
        line.append(printable(_short(value)))
    for below in str(entry.fields.get("exception", "")).splitlines():
        line.append(f"\n    {printable(below)}", style="dim")
    return line


def _others(fields: Mapping[str, Any], but: set[str]) -> list[tuple[str, Any]]:
    first = {name: fields[name] for name in ("album", *_SHORT_NAMES) if name in fields}
    return [(name, value) for name, value in {**first, **fields}.items() if name not in _COLUMNS | but]


def _short(value: Any) -> str:
    match value:
        case str() if _HEX_ID.fullmatch(value):
            return value[:_SHOWN_ID_CHARS]
        case str() if value.startswith("projects/"):
            return value.rpartition("/")[2]
        case list() if value and not isinstance(value[0], str):
            return f"[{len(value)}]"
        case dict():
            return "{" + " ".join(f"{name}={_short(inner)}" for name, inner in value.items()) + "}"
        case _:
            return _whole(value)


def _whole(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _last_line(exception: Any) -> str:
    lines = str(exception or "").strip().splitlines()
    return lines[-1] if lines else ""
