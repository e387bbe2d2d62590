"""`photofinish audit`: the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from photofinish.domain.access import AuditEntry
from photofinish.wiring import access_store
from photofinish_cli.deployment import StateDir, use_deployment
from photofinish_cli.output import console, print_json_line, printable, reported_errors, table
from photofinish_cli.times import parse_since


def _since(text: str) -> datetime:
    try:
        return parse_since(text, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def audit(
    album: Annotated[str | None, typer.Option("--album", "-a", help="Only this album.")] = None,
    since: Annotated[Any, typer.Option(help="From when: 2h, 30d, 2026-05-01.", parser=_since, metavar="TIME")] = "1d",
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for scripts.")] = False,
    state: StateDir = None,
) -> None:
    """List every search and change, oldest first, with its caller and outcome. Contains nothing biometric.

    Examples:

      photofinish audit --album spring-10k --since 7d

      photofinish audit --since 2026-05-01 --json | jq -r 'select(.action == "delete_person").principal_id'
    """
    with reported_errors():
        use_deployment(state)
        entries = access_store().audit_entries(album=album, since=since)
        if json:
            for entry in entries:
                print_json_line(_as_json(entry))
            return
        rows = table("at (UTC)", "who", "action", "album", "target", "outcome", "count", "request", right=["count"])
        for entry in entries:
            rows.add_row(
                f"{_at(entry):%Y-%m-%d %H:%M:%S}",
                printable(f"{entry.principal} {entry.principal_id}"),
                printable(entry.action),
                printable(entry.album or ""),
                printable(entry.target or ""),
                printable(entry.outcome),
                "" if entry.count is None else str(entry.count),
                printable(entry.request_id),
            )
        console().print(rows if rows.row_count else "no entries")


def _at(entry: AuditEntry) -> datetime:
    assert entry.at is not None, "the database stores it"
    return entry.at.astimezone(UTC)


def _as_json(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": _at(entry).isoformat(),
        "principal": entry.principal,
        "principal_id": entry.principal_id,
        "action": entry.action,
        "album": entry.album,
        "target": entry.target,
        "outcome": entry.outcome,
        "count": entry.count,
        "request_id": entry.request_id,
    }
