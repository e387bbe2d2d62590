"""`photofinish consent`: what a person consented to and withdrew."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import console, counted, print_json, printable, remark, reported_errors, say, table
from photofinish_cli.person_ids import whole_person_id
from photofinish_cli.questions import require_yes
from photofinish_cli.times import local_time

Person = Annotated[str, typer.Argument(help="Person id, as `people list` shows it, or its first characters.")]
Method = Annotated[str, typer.Option("--method", help="How it was said: 'web form', paper, e-mail.")]
Purpose = Annotated[
    str | None, typer.Option("--purpose", help="What it is for; without it the purpose of the album's policy.")
]
At = Annotated[
    datetime | None,
    typer.Option("--at", help="When it was said, by this machine's time zone; without it now.", metavar="TIME"),
]

app = typer.Typer(name="consent", help="What people consented to and withdrew.", no_args_is_help=True)


@app.command("show")
def show_consents(album: Album, person: Person, json: Json = False, state: StateDir = None) -> None:
    """Show the consent history of a person, and what counts now.

    Example: photofinish consent show spring-10k 0c6f3b1e
    """
    with reported_errors():
        use_deployment(state)
        found = api_client.in_album("GET", album, f"/people/{whole_person_id(album, person)}/consents")
    if json:
        print_json(found)
        return
    shown = table("said at", "purpose", "what", "how", "text", "guardian", "recorded by")
    for one in found["history"]:
        shown.add_row(
            local_time(one["at"]),
            printable(one["purpose"]),
            one["action"],
            printable(one["method"]),
            printable(one["text_version"]),
            printable(one["guardian"] or ("minor" if one["is_minor"] else "")),
            printable(one["recorded_by"]),
        )
    console().print(shown)
    for purpose, action in found["consents"].items():
        remark(f"{printable(purpose)}: {action}")


@app.command("give")
def give_consent(
    album: Album,
    person: Person,
    method: Method,
    text_version: Annotated[
        str, typer.Option("--text-version", help="The version of the text that the person agreed to.")
    ],
    purpose: Purpose = None,
    at: At = None,
    guardian: Annotated[
        str | None, typer.Option("--guardian", help="The person is a minor: who consents for them.")
    ] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Record that a person consents.

    Examples:

      photofinish consent give spring-10k 0c6f3b1e --method "web form" --text-version 2026-03

      photofinish consent give spring-10k 0c6f3b1e --method paper --text-version 2026-03 --guardian "Anne Byron"
    """
    body: dict[str, Any] = {"action": "given", "method": method, "text_version": text_version}
    if guardian is not None:
        body |= {"is_minor": True, "guardian": guardian}
    with reported_errors():
        use_deployment(state)
        done = _record(album, whole_person_id(album, person), body, purpose=purpose, at=at)
    if json:
        print_json(done)
        return
    say(printable(f"recorded: consent to {done['record']['purpose']}"))
    if done["analyse_again"]:
        remark(
            "photos that were analysed before do not have this person's face yet: "
            f"`photofinish reconcile --album {printable(album)} --again` analyses them"
        )


@app.command("withdraw")
def withdraw_consent(
    album: Album,
    person: Person,
    method: Method,
    purpose: Purpose = None,
    at: At = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Withdraw without asking, as scripts need it.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Record that a person withdraws their consent; their faces and enrolment pictures are erased for good.

    Asks first; without a terminal it needs --yes.

    Example: photofinish consent withdraw spring-10k 0c6f3b1e --method e-mail --yes
    """
    with reported_errors():
        use_deployment(state)
        person_id = whole_person_id(album, person)
        if not yes:
            require_yes(f"Erase the faces of {person_id} from {album} for good?")
        done = _record(album, person_id, {"action": "withdrawn", "method": method}, purpose=purpose, at=at)
    if json:
        print_json(done)
        return
    say(printable(f"recorded: {done['record']['purpose']} withdrawn; {counted(done['erased_faces'], 'face')} erased"))
    if done["opt_out_id"]:
        remark(f"the suppression list refuses this person's faces from now on: entry {done['opt_out_id']}")


def _record(
    album: str, person_id: str, body: dict[str, Any], *, purpose: str | None, at: datetime | None
) -> dict[str, Any]:
    if purpose is not None:
        body |= {"purpose": purpose}
    if at is not None:
        body |= {"at": at.astimezone().isoformat()}
    return api_client.in_album("POST", album, f"/people/{person_id}/consents", json=body)
