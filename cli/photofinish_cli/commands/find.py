"""`photofinish find`: a runner's photos by selfie, bib number, name, text and time, through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish_cli import api_client
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import ExitCode, console, print_error, print_json, printable, reported_errors, table


def find(
    album: Annotated[str, typer.Argument(help="Album to search.")],
    selfie: Annotated[
        list[Path] | None,
        typer.Option("--selfie", help="Picture of the person; up to 5.", exists=True, dir_okay=False),
    ] = None,
    bib: Annotated[str | None, typer.Option("--bib", help="Bib number.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name on the start list, or name of a person.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Words that can be read in the photo.")] = None,
    taken_from: Annotated[
        str | None, typer.Option("--from", help="Taken at 2026-05-01T10:00 or later, by the camera's clock.")
    ] = None,
    taken_to: Annotated[str | None, typer.Option("--to", help="Taken at this time or earlier.")] = None,
    camera: Annotated[str | None, typer.Option("--camera", help="Make and model, as `show` prints them.")] = None,
    folder: Annotated[str | None, typer.Option("--folder", help="Folder below the album.")] = None,
    limit: Annotated[int, typer.Option(help="Photos at most.", min=1, max=200)] = 20,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Find a person's photos, best first; all given criteria are combined.

    Examples:

      photofinish find spring-10k --bib 1234

      photofinish find spring-10k --selfie me.jpg --selfie me-with-glasses.jpg --limit 50

      photofinish find spring-10k --name "Ada Lovelace" --from 2026-05-01T10:00 --to 2026-05-01T10:15
    """
    given = {
        "bib": bib,
        "name": name,
        "text": text,
        "taken_from": taken_from,
        "taken_to": taken_to,
        "camera": camera,
        "folder": folder,
    }
    criteria = {what: value for what, value in given.items() if value is not None}
    if not criteria and not selfie:
        print_error("give at least one criterion: --selfie, --bib, --name, --text, --from, --to, --camera or --folder")
        raise typer.Exit(ExitCode.USAGE)
    with reported_errors():
        use_deployment(state)
        answer = api_client.search(album, {**criteria, "limit": limit}, selfie or [])
        if json:
            print_json(answer)
        else:
            console().print(photos_table(answer) if answer["photos"] else "no photos found")
    if not answer["photos"]:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def photos_table(answer: dict[str, Any]) -> Any:
    """A table of the photos in the search API's answer, best first, with the parts that make up each score."""
    names = list(dict.fromkeys(part["part"] for photo in answer["photos"] for part in photo["parts"]))
    shown = table("photo", "score", *names, "why", right=["score", *names])
    for photo in answer["photos"]:
        values = {part["part"]: f"{part['value']:.2f}" for part in photo["parts"]}
        shown.add_row(
            printable(photo["photo"]["name"]),
            f"{photo['score']:.3f}",
            *(values.get(name, "") for name in names),
            printable("; ".join(_reasons(photo))),
        )
    return shown


def _reasons(photo: dict[str, Any]) -> list[str]:
    reasons = []
    if face := photo["face"]:
        reasons.append(f"similarity {face['similarity']:.3f}")
    if bib := photo["bib"]:
        seen = "wears" if bib["offered"] else "reads"  # offered: inferred from another photo, or confirmed by a user
        reasons.append(f"{seen} {bib['number']}" + (" (partly)" if bib["partial"] else ""))
    if name := photo["name"]:
        reasons.append(name["name"] + (f" wears {name['number']}" if name["number"] else ""))
    reasons += photo["text"] or []
    return reasons
