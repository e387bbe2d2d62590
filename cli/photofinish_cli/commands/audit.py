"""`photofinish audit`: the audit log, and whether it is as it was written."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photofinish.domain.access import AuditEntry
from photofinish.domain.audit_chain import Finding
from photofinish.domain.photo import album_name
from photofinish.settings import RetentionSettings
from photofinish.wiring import access_store
from photofinish_cli.deployment import Json, StateDir, connect, use_deployment
from photofinish_cli.output import (
    ExitCode,
    counted,
    print_json,
    print_json_line,
    print_tables,
    printable,
    remark,
    reported_errors,
    say,
    table,
)
from photofinish_cli.progress import progress_bar
from photofinish_cli.times import parse_since

if TYPE_CHECKING:
    from photofinish.application.audit_anchoring import Verification

_PROBLEMS = {
    Finding.CHANGED: "was changed after it was anchored",
    Finding.REMOVED: "was removed before its retention was over",
    Finding.INSERTED: "was added among entries that were anchored already",
    Finding.ANCHOR_BROKEN: "the anchor after this entry does not continue the one before: one was changed or removed",
    Finding.NOT_ANCHORED: "should have been anchored hours ago: the function `expire` fails, or its schedule is paused",
}
_ANCHORED_WITHIN = timedelta(hours=3)
"""The schedule is hourly; two runs may fail."""


def _since(text: str) -> datetime:
    try:
        return parse_since(text, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


app = typer.Typer(name="audit", invoke_without_command=True)


@app.callback()
def audit(
    context: typer.Context,
    album: Annotated[str | None, typer.Option("--album", "-a", help="Only this album.")] = None,
    since: Annotated[Any, typer.Option(help="From when: 2h, 30d, 2026-05-01.", parser=_since, metavar="TIME")] = "1d",
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for scripts.")] = False,
    state: StateDir = None,
) -> None:
    """List every search and change, oldest first, with its caller and outcome. Contains nothing biometric.

    Examples:

      photofinish audit --album spring-10k --since 7d

      photofinish audit --since 2026-05-01 --json | jq -r 'select(.action == "delete_person").principal_id'

      photofinish audit verify
    """
    if context.invoked_subcommand is not None:
        return
    with reported_errors():
        use_deployment(state)
        entries = access_store().audit_entries(album=None if album is None else album_name(album), since=since)
        if json:
            for entry in entries:
                print_json_line(_as_json(entry))
            return
        headings = ("at (UTC)", "who", "from", "action", "album", "target", "outcome", "count", "request")
        rows = table(*headings, right=["count"], whole=["request"])
        for entry in entries:
            rows.add_row(
                f"{_at(entry):%Y-%m-%d %H:%M:%S}",
                printable(f"{entry.principal} {entry.principal_id}".strip()),
                printable(entry.network or ""),
                printable(entry.action),
                printable(entry.album or ""),
                printable(entry.target or ""),
                printable(entry.outcome),
                "" if entry.count is None else str(entry.count),
                printable(entry.request_id),
            )
        print_tables(rows, empty="no entries")


@app.command("verify")
def verify_audit(json: Json = False, state: StateDir = None) -> None:
    """Compare every entry with the anchors that were written hourly to a bucket of their own.

    Finds entries that were changed, removed or added later, and that anchors are missing. Exit code 0: nothing is
    wrong; 1: something is.

    Examples:

      photofinish audit verify

      photofinish audit verify --json | jq '.problems[]'
    """
    with reported_errors():
        use_deployment(state)
        from photofinish.application.audit_anchoring import verify

        cloud = connect(state)
        now = datetime.now(UTC)
        if sys.stderr.isatty():
            remark("comparing the audit with its anchors …")
        last = cloud.audit.settled_upto()
        with progress_bar("Verifying", last, unit="entries", plain=json) as bar:
            found = verify(
                cloud.audit,
                cloud.audit_anchors,
                expired_before=now - timedelta(days=RetentionSettings.from_env().audit_retention_days),
                anchored_before=now - _ANCHORED_WITHIN,
                on_read=lambda upto: bar.update(done=upto),
            )
            bar.update(done=last)
        if json:
            print_json(asdict(found))
        else:
            rows = table("entry", "problem", right=["entry"])
            for problem in found.problems:
                rows.add_row(str(problem.entry_id), _PROBLEMS[problem.finding])
            if found.problems:
                print_tables(rows)
            say(_ending(found))
    if found.problems:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _ending(found: Verification) -> str:
    later = f"{counted(found.not_anchored, 'later entry', 'later entries')} not anchored yet"
    if found.anchors == 0:
        return f"nothing is anchored, so nothing can be verified: anchors are written hourly; {later}"
    compared = f"{counted(found.anchored, 'entry', 'entries')} compared with {counted(found.anchors, 'anchor')}"
    if found.problems:
        return f"the audit is not as it was written: {counted(len(found.problems), 'problem')}; {compared}, {later}"
    return f"the audit is as it was written: {compared}, {later}"


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
        "network": entry.network,
        "count": entry.count,
        "request_id": entry.request_id,
    }
