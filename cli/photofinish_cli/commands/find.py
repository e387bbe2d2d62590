"""`photofinish find`: a runner's photos by selfie, bib number, name, text and time, through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import (
    ExitCode,
    Table,
    print_error,
    print_json,
    print_tables,
    printable,
    reported_errors,
    table,
)
from photofinish_cli.photo_filters import Camera, Folder, TakenFrom, TakenTo
from photofinish_cli.times import clock_time

SHOWN_LABELS = 2


def find(
    album: Album,
    selfie: Annotated[
        list[Path] | None,
        typer.Option("--selfie", help="Picture of the person; up to 5.", exists=True, dir_okay=False),
    ] = None,
    bib: Annotated[str | None, typer.Option("--bib", help="Bib number.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name on the start list, or name of a person.")] = None,
    about: Annotated[
        str | None,
        typer.Option(
            "--about", help="What photos show or have on them, in words of any language (docs/label-search.md)."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="Words that can be read in the photo.")] = None,
    taken_from: TakenFrom = None,
    taken_to: TakenTo = None,
    camera: Camera = None,
    folder: Folder = None,
    limit: Annotated[int, typer.Option(help="Photos at most.", min=1, max=200)] = 20,
    collapse: Annotated[
        bool, typer.Option("--collapse", help="Of near duplicates taken within seconds, only the best one.")
    ] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Find a person's photos, best first; all given criteria are combined.

    Examples:

      photofinish find spring-10k --bib 1234

      photofinish find spring-10k --selfie me.jpg --selfie me-with-glasses.jpg --limit 50

      photofinish find spring-10k --bib 1234 --collapse

      photofinish find spring-10k --about "mountain bike"

      photofinish find spring-10k --name "Ada Lovelace" --from 2026-05-01T10:00 --to 2026-05-01T10:15
    """
    given = {
        "bib": bib,
        "name": name,
        "about": about,
        "text": text,
        "taken_from": taken_from,
        "taken_to": taken_to,
        "camera": camera,
        "folder": folder,
    }
    criteria = {what: value for what, value in given.items() if value is not None}
    if not criteria and not selfie:
        print_error(
            "give at least one criterion: --selfie, --bib, --name, --about, --text, --from, --to, --camera or --folder"
        )
        raise typer.Exit(ExitCode.USAGE)
    with reported_errors():
        use_deployment(state)
        shape = {"limit": limit} | ({"collapse": "bursts"} if collapse else {})
        answer = api_client.search(album, {**criteria, **shape}, selfie or [])
        if json:
            print_json(answer)
        else:
            print_tables(photos_table(answer), empty="no photos found")
    if not answer["photos"]:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def photos_table(answer: dict[str, Any]) -> Table:
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
        reasons.append(_of_bib(bib))
    if name := photo["name"]:
        reasons.append(
            (name["name"] or "the name") + (f", {name['number']} on the start list" if name["number"] else "")
        )
    reasons += [_of_word(word) for word in photo["words"] or []]
    if depiction := photo["depiction"]:
        reasons.append(_of_depiction(depiction))
    reasons += photo["text"] or []
    if (in_video := photo["in_video"]) and in_video["at_s"] is not None:
        reasons.append(f"at {clock_time(in_video['at_s'])} of {clock_time(in_video['duration_s'])}")
    if (burst := photo.get("burst")) and burst["size"] > 1:
        reasons.append(f"best of {burst['size']} alike")
    return reasons


def _of_word(word: dict[str, Any]) -> str:
    return f"reads {word['read']}" + (f" for {word['word']}" if word["by"] == "spelling" else "")


def _of_depiction(depiction: dict[str, Any]) -> str:
    labels = ", ".join(f"{label['name']} {label['score']:.2f}" for label in depiction["labels"][:SHOWN_LABELS])
    return f"shows {labels}" if labels else f"similarity {depiction['similarity']:.2f}"


def _of_bib(bib: dict[str, Any]) -> str:
    if bib["by_hand"]:
        return f"{bib['number']} set by hand"
    if bib["confirmed"]:
        return f"{bib['number']} confirmed for this person"
    if bib["inferred"]:
        return f"{bib['number']} inferred from another photo"
    return f"reads {bib['number']}" + (" (partly)" if bib["partial"] else "")
