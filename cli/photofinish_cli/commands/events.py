"""`photofinish events`: what happened to an album, and what happens next."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from photofinish.domain.album_event import EventType, ToldStatus
from photofinish.errors import NotFound, Unavailable
from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import StateDir, use_deployment
from photofinish_cli.event_reading import EventReader, Follower
from photofinish_cli.output import console, print_json_line, print_tables, printable, remark, reported_errors, table
from photofinish_cli.times import local_time, parse_since

_DEFAULT_LINES = 100
_MAX_NAMES = 50
"""Photos whose names are asked for; each takes a request."""
_TYPE_PREFIX = "photofinish."
_TYPE_WIDTH = max(map(len, EventType))
_SHOWN_ELSEWHERE = frozenset({"album", "photo_id", "person_ids", "folder", "camera", "generation"})


def _since(text: str) -> datetime:
    try:
        return parse_since(text, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def events(
    album: Album,
    types: Annotated[
        list[EventType] | None, typer.Option("--type", help="Only events of this type; repeatable.")
    ] = None,
    status: Annotated[ToldStatus | None, typer.Option("--status", help="Only photos that reached this status.")] = None,
    bib: Annotated[str | None, typer.Option("--bib", help="Only photos that have this number now.")] = None,
    folder: Annotated[
        str | None, typer.Option("--folder", metavar="FOLDER", help="Only photos of this folder below the album.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="All that happened from then on: 10m, 2h, or 2026-05-01T10:00 (UTC).",
            parser=_since,
        ),
    ] = None,
    lines: Annotated[
        int | None,
        typer.Option("--lines", "-n", metavar="N", help="The newest so many; by default 100, all with --since.", min=0),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing what happens; Ctrl-C ends.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One CloudEvent a line, for scripts.")] = False,
    state: StateDir = None,
) -> None:
    """What happened to an album, newest last: time, type, what it happened to, and details.

    With --follow it prints lines without headings, and goes on with what happens next: it waits for an album's first
    photo and while the API does not answer, and ends when the album is erased.

    Examples:

      photofinish events spring-10k --follow

      photofinish events spring-10k --status rejected --since 2h

      photofinish events spring-10k --type person.merged --type person.split --json
    """
    query: dict[str, Any] = {
        "type": [one.value for one in types] if types else None,
        "status": None if status is None else status.value,
        "bib": bib,
        "folder": folder,
        "occurred_from": None if since is None else since.isoformat(),
    }
    with reported_errors():
        use_deployment(state)
        limit = lines if lines is not None else None if since is not None else _DEFAULT_LINES
        names = _Names(album)
        if follow:
            for page in Follower(album, query, tell=lambda text: remark(printable(text))).follow(limit):
                _print_json(page) if json else _print_lines(page, names)
            return
        found = EventReader(album, query).newest(limit)
        if json:
            _print_json(found)
        else:
            _print_table(found, names)


class _Names:
    """The names of photos below the album, each asked for once, as far as that is few requests."""

    def __init__(self, album: str) -> None:
        self._album = album
        self._names: dict[str, str | None] = {}

    def of(self, photo_id: str) -> str | None:
        """None: not known."""
        if photo_id not in self._names and len(self._names) < _MAX_NAMES:
            try:
                answer = api_client.in_album("GET", self._album, f"/photos/{quote(photo_id)}")
            except NotFound:  # erased since
                self._names[photo_id] = None
            except Unavailable:  # its id is told instead
                return None
            else:
                self._names[photo_id] = answer["photo"]["name"].removeprefix(f"{self._album}/")
        return self._names.get(photo_id)


def _print_table(found: Iterable[Mapping[str, Any]], names: _Names) -> None:
    rows = table("time", "what", "about", "details", whole=["about"])
    for event in found:
        rows.add_row(*_cells(event, names))
    print_tables(rows, empty="no events")


def _print_lines(found: Iterable[Mapping[str, Any]], names: _Names) -> None:
    screen = console() if sys.stdout.isatty() else None
    for event in found:
        at, what, *rest = _cells(event, names)
        if screen is not None:
            screen.print("  ".join([at, what.ljust(_TYPE_WIDTH), *rest]), soft_wrap=True)
        else:
            sys.stdout.write("\t".join([at, what, *rest]) + "\n")
    sys.stdout.flush()


def _print_json(found: Iterable[Mapping[str, Any]]) -> None:
    for event in found:
        print_json_line(event)


def _cells(event: Mapping[str, Any], names: _Names) -> tuple[str, str, str, str]:
    data = event["data"]
    subject = event.get("subject") or ""
    if photo_id := data.get("photo_id"):
        subject = names.of(photo_id) or "/".join(filter(None, (data.get("folder"), photo_id)))
    what = event["type"].removeprefix(_TYPE_PREFIX)
    return local_time(event["time"]), what, printable(subject), printable(details(data))


def details(data: Mapping[str, Any]) -> str:
    """Return what a table tells of an event's data: `faces 2, bibs 1`, or an error's code and message."""
    told = []
    for name, value in data.items():
        if name in _SHOWN_ELSEWHERE:
            continue
        if name == "error":
            told.append(f"{value['code']}: {value['message']}")
        elif name.endswith("_s"):
            told.append(f"{name.removesuffix('_s').replace('_', ' ')} {value} s")
        else:
            told.append(f"{name.replace('_', ' ')} {str(value).lower() if isinstance(value, bool) else value}")
    return ", ".join(told)
