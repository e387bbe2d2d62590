"""`photofinish logs`: what the pieces of the local cloud and the tasks of its job logged."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from photofinish.errors import NotFound
from photofinish_cli.deployment import Json, StateDir, local_state_dir
from photofinish_cli.log_files import LogReader, LogSource, log_sources
from photofinish_cli.log_lines import MIN_ID_CHARS, LogEntry, LogFilter, as_columns, as_json, as_text
from photofinish_cli.output import console, print_json, print_json_line, print_tables, printable, reported_errors, table
from photofinish_cli.times import parse_since

_FOLLOW_EVERY_S = 0.3
_DEFAULT_LINES = 100
_SERVICE_WIDTH = 22  # the longest name of a function


class Severity(StrEnum):
    """From the least severe."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


def _since(text: str) -> datetime:
    try:
        return parse_since(text, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _id(text: str) -> str:
    if len(text.strip()) < MIN_ID_CHARS:
        raise typer.BadParameter(f"give an id or at least its first {MIN_ID_CHARS} characters, not {text!r}")
    return text.strip()


def logs(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="SERVICE", help="Only these services; the same as --service.")
    ] = None,
    service: Annotated[
        list[str] | None,
        typer.Option(
            "--service", help="Only this piece (api), job (analyze) or execution (analyze-x4k2p); repeatable."
        ),
    ] = None,
    trace: Annotated[
        str | None,
        typer.Option(
            "--trace",
            metavar="ID",
            help="Only lines with this trace id, photo id or request id, or its beginning.",
            parser=_id,
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Only lines from then on: 10m, 2h, or 2026-05-01T10:00 (UTC).",
            parser=_since,
        ),
    ] = None,
    severity: Annotated[
        Severity, typer.Option("--severity", help="Only lines of at least this severity.")
    ] = Severity.DEBUG,
    lines: Annotated[
        int | None,
        typer.Option(
            "--lines",
            "-n",
            metavar="N",
            help="The newest so many lines; by default 100, all with --since or --trace.",
            min=1,
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing what is logged; Ctrl-C ends.")] = False,
    files: Annotated[bool, typer.Option("--files", help="List the log files instead of their lines.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Show what the local cloud logged, by time: one line each with time, service, severity, message and ids.

    With --json every line is the JSON that was logged. In the cloud, `gcloud logging read` shows the same fields.

    Examples:

      photofinish logs --follow

      photofinish logs --trace 2066dca4e8df4c48a126c722c8e18700

      photofinish logs --service api --since 10m --severity warning
    """
    state_dir = local_state_dir(state)
    wanted = LogFilter(
        services=frozenset([*(names or []), *(service or [])]),
        min_severity=severity.value.upper(),
        id=trace,
        since=since,
    )
    with reported_errors():
        sources = log_sources(state_dir)
        if not sources:
            raise NotFound(f"no logs in {state_dir}: start a local cloud with `photofinish up`, or give its --state")
        _check_services(wanted.services, sources)
        if files:
            _list(sources, json=json)
            return
        with closing(LogReader(state_dir)) as reader:
            entries = [entry for entry in reader.read(ended=not follow) if wanted.wants(entry)]
            if not follow and not entries and trace:
                raise NotFound(f"no line mentions {trace}: `photofinish trace ALBUM PHOTO` prints the id of a photo")
            limit = lines or (None if trace or since else _DEFAULT_LINES)
            _print(entries[-limit:] if limit else entries, json=json)
            while follow:
                time.sleep(_FOLLOW_EVERY_S)
                _print((entry for entry in reader.read() if wanted.wants(entry)), json=json)


def _check_services(services: frozenset[str], sources: list[LogSource]) -> None:
    known = {source.service for source in sources}
    instances = {source.instance for source in sources} | {source.instance.partition("/")[0] for source in sources}
    if unknown := sorted(services - known - instances):
        raise NotFound(
            f"no logs of {', '.join(unknown)}; available: {', '.join(sorted(known))}, "
            "and executions, which `photofinish logs --files` lists"
        )


def _list(sources: list[LogSource], *, json: bool) -> None:
    if json:
        print_json(
            [
                {
                    "service": source.service,
                    "instance": source.instance or None,
                    "attempt": source.attempt,
                    "path": str(source.path),
                    "size_bytes": source.size_bytes,
                    "written_at": source.written_at,
                }
                for source in sources
            ]
        )
        return
    shown = table("service", "last written", "bytes", "file", right=["bytes"], whole=["service"])
    for source in sources:
        written = source.written_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        shown.add_row(source.instance or source.service, written, str(source.size_bytes), str(source.path))
    print_tables(shown)


def _print(entries: Iterable[LogEntry], *, json: bool) -> None:
    screen = console() if sys.stdout.isatty() and not json else None
    for entry in entries:
        if json:
            print_json_line(as_json(entry))
        elif screen is not None:
            screen.print(
                as_text(entry, service_width=_SERVICE_WIDTH, today=datetime.now().astimezone().date()), soft_wrap=True
            )
        else:
            sys.stdout.write("\t".join(map(printable, as_columns(entry))) + "\n")
    sys.stdout.flush()
