"""`photofinish policy`: what an album may do with faces, and for how long."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from photofinish.domain.album_policy import Indexing, LegalBasis, Redact, RedactionStyle
from photofinish.domain.retention import day_after
from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import console, print_json, printable, remark, reported_errors, table
from photofinish_cli.questions import require_yes
from photofinish_cli.times import days_ahead

NO_END = "never"


def _last_day(text: str) -> str:
    if text == NO_END:
        return NO_END
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text[:40]!r} is no day: write YYYY-MM-DD, or {NO_END}") from None


def policy(
    album: Album,
    legal_basis: Annotated[
        LegalBasis | None, typer.Option("--legal-basis", help="Why faces may be processed; only recorded.")
    ] = None,
    indexing: Annotated[
        Indexing | None,
        typer.Option("--indexing", help="Whose faces are indexed. People who opted out never are."),
    ] = None,
    redact: Annotated[Redact | None, typer.Option("--redact", help="Whose faces other callers see redacted.")] = None,
    redaction_style: Annotated[RedactionStyle | None, typer.Option("--redaction-style")] = None,
    keep_originals: Annotated[
        bool | None,
        typer.Option("--keep-originals/--results-only", help="Keep photos, or only the results of their analysis."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="What faces are processed for; consent is given to a purpose.")
    ] = None,
    ends_on: Annotated[
        Any,
        typer.Option(
            "--ends-on", help="Last day on which the album is kept, or never.", parser=_last_day, metavar="DAY"
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Erase without asking, as scripts need it.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Show or set the policy of an album; what is not given stays as it is.

    Asks first if photos will be erased within the hour: by --results-only, or by a last day that is over. Without a
    terminal that needs --yes.

    Examples:

      photofinish policy spring-10k

      photofinish policy spring-10k --indexing enrolled_only --legal-basis consent --purpose "finding race photos"

      photofinish policy spring-10k --redact everyone --redaction-style solid

      photofinish policy spring-10k --ends-on 2026-12-31
    """
    given = {
        "legal_basis": legal_basis,
        "indexing": indexing,
        "redact": redact,
        "redaction_style": redaction_style,
        "keep_originals": keep_originals,
        "purpose": purpose,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if ends_on is not None:
        changes["ends_on"] = None if ends_on == NO_END else ends_on
    with reported_errors():
        use_deployment(state)
        found = api_client.in_album("GET", album, "/policy")
        if not yes and (question := _erases(album, found, changes)):
            require_yes(question)
        if changes:
            found = api_client.in_album("PUT", album, "/policy", json=found | changes)
            if redact not in {None, Redact.NONE}:
                remark("links to previews that were given before end within a minute or so")
    if json:
        print_json(found)
        return
    shown = table("policy", "value")
    for name in given | {"ends_on": None}:
        shown.add_row(name.replace("_", " "), printable(_in_words(name, found[name])))
    console().print(shown)


def _erases(album: str, now: dict[str, Any], changes: dict[str, Any]) -> str | None:
    """The question to ask before changes of the policy that erase photos within the hour."""
    last_day = changes.get("ends_on")
    if last_day and last_day != now["ends_on"] and date.fromisoformat(last_day) < datetime.now(UTC).date():
        return f"{last_day} is over: erase album {album} with all its photos within the hour?"
    if changes.get("keep_originals") is False and now["keep_originals"]:
        return f"Delete the originals of all analysed photos of {album} within the hour?"
    return None


def _in_words(name: str, value: Any) -> str:
    if name == "keep_originals":
        return "yes" if value else "no, only results"
    if value is None:
        return NO_END
    if name == "ends_on":
        erased_on = day_after(date.fromisoformat(value))
        ahead = days_ahead((erased_on - datetime.now(UTC).date()).days)
        return f"{value}; the whole album will be erased on {erased_on} (UTC), {ahead}"
    return str(value) or "not declared"
