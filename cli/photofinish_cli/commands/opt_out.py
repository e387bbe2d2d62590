"""`photofinish opt-out`: people whose faces are never indexed, in one album or in all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish.errors import RejectedInput
from photofinish_cli import api_client
from photofinish_cli.arguments import album_of
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import console, counted, print_json, printable, remark, reported_errors, say, table
from photofinish_cli.questions import require_yes
from photofinish_cli.times import local_time

Where = Annotated[str | None, typer.Option("--album", help="Of this album.", metavar="ALBUM")]
Everywhere = Annotated[bool, typer.Option("--all-albums", help="Of all albums, also future ones.")]
_PAGE = 200

app = typer.Typer(name="opt-out", help="People whose faces are never indexed.", no_args_is_help=True)


@app.command("add")
def add_opt_out(
    pictures: Annotated[
        list[Path], typer.Argument(help="One to three pictures of the person's face.", exists=True, dir_okay=False)
    ],
    album: Where = None,
    all_albums: Everywhere = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Erase without asking, as scripts need it.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Opt a person out by pictures, which are not kept, and erase their faces for good.

    Asks first; without a terminal it needs --yes.

    Examples:

      photofinish opt-out add --album spring-10k ada.jpg

      photofinish opt-out add --all-albums ada-1.jpg ada-2.jpg --yes
    """
    with reported_errors():
        use_deployment(state)
        _check_where(album, all_albums)
        if not yes:
            where = "all albums" if album is None else album
            require_yes(f"Erase the faces that match {counted(len(pictures), 'picture')} from {where} for good?")
        files = [("picture", (picture.name, picture.read_bytes())) for picture in pictures]
        done = _ask("POST", album, all_albums, files=files)
    if json:
        print_json(done)
        return
    entry = done["opt_out"]
    say(f"opted out: entry {entry['opt_out_id']}; {counted(done['erased_faces'], 'face')} erased")
    if entry["applied_at"] is None:
        remark("faces that were indexed before are erased within minutes; new ones are refused at once")


@app.command("list")
def list_opt_outs(
    album: Where = None, all_albums: Everywhere = False, json: Json = False, state: StateDir = None
) -> None:
    """List the entries of the suppression list: ids and times.

    Example: photofinish opt-out list --album spring-10k
    """
    entries: list[dict[str, Any]] = []
    with reported_errors():
        use_deployment(state)
        query: dict[str, Any] = {"limit": _PAGE}
        while True:
            page = _ask("GET", album, all_albums, params=query)
            entries += page["opt_outs"]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
    if json:
        print_json({"opt_outs": entries})
        return
    shown = table("entry", "by", "person", "added", "added by", "faces erased", whole=["entry"])
    for entry in entries:
        shown.add_row(
            entry["opt_out_id"],
            entry["source"],
            entry["person_id"] or "",
            local_time(entry["added_at"]),
            printable(entry["added_by"]),
            "not yet" if entry["applied_at"] is None else local_time(entry["applied_at"]),
        )
    console().print(shown)


@app.command("remove")
def remove_opt_out(
    entry: Annotated[str, typer.Argument(help="Id of the entry, as `opt-out list` shows it.")],
    album: Where = None,
    all_albums: Everywhere = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Remove a person from the suppression list, by their wish. Faces that were erased do not come back.

    Example: photofinish opt-out remove --album spring-10k 9d2c4b6a-7e8f-4a1b-9c0d-1e2f3a4b5c6d
    """
    with reported_errors():
        use_deployment(state)
        _ask("DELETE", album, all_albums, f"/{entry}")
    if json:
        print_json({"removed": entry})
        return
    say(f"removed: {printable(entry)}; photos that come from now on are indexed with this person's faces")


def _check_where(album: str | None, all_albums: bool) -> None:
    if (album is None) == (not all_albums):
        raise RejectedInput("which_albums", "say of which album: give either --album ALBUM or --all-albums")


def _ask(method: str, album: str | None, all_albums: bool, path: str = "", **request: Any) -> dict[str, Any]:
    _check_where(album, all_albums)
    if album is None:
        return api_client.of_all_albums(method, f"/opt-outs{path}", **request)
    return api_client.in_album(method, album_of(album), f"/opt-outs{path}", **request)
