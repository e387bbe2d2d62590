"""`photofinish demo`: everything at work, on a sample album or on one's own photos."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish.domain.photo import PhotoStatus, is_album_name
from photofinish.ports import PhotoRecord
from photofinish.wiring import App
from photofinish_cli import api_client, dropping
from photofinish_cli.commands import find, local
from photofinish_cli.contact_sheet import Tile, contact_sheet
from photofinish_cli.deployment import StateDir, connect, local_state_dir
from photofinish_cli.drop_files import collect
from photofinish_cli.drop_names import Placement, by_composed_name, photos_to_compare, place
from photofinish_cli.output import Table, console, counted, print_tables, printable, reported_errors, say, table
from photofinish_cli.pictures import annotated, preview, square_around, write_picture
from photofinish_cli.progress import progress_bar
from photofinish_cli.sample_album import make_sample_album
from photofinish_cli.times import clock_time
from photofinish_emulators import stack

_SHOWN = 40
_PARALLEL = 8
_SELFIE_MARGIN = 0.6  # of the face's size, on every side: what an arm's length leaves around it


@dataclass(frozen=True, slots=True)
class Question:
    """What the demo searches for."""

    bib_number: str | None
    selfie: Path | None


def demo(
    photos: Annotated[
        Path | None,
        typer.Option(help="Folder of your own photos instead of the sample album.", exists=True, file_okay=False),
    ] = None,
    count: Annotated[int, typer.Option(help="Photos of the sample album.", min=1, max=500)] = 24,
    out: Annotated[Path, typer.Option(help="Folder for the pictures that the demo writes.", file_okay=False)] = Path(
        "out/demo"
    ),
    open_page: Annotated[bool, typer.Option("--open", help="Open the runner's page of the album at the end.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the local cloud at the end.")] = False,
    state: StateDir = None,
) -> None:
    """Start the local cloud, drop an album, watch it being analysed, find a runner by bib number and by selfie.

    Examples:

      photofinish demo

      photofinish demo --photos ~/Pictures/race
    """
    screen = console()
    state_dir = local_state_dir(state)
    with reported_errors(on_interrupt="The local cloud goes on with what was sent; `photofinish down` stops it."):
        local.start(state_dir)
        cloud = connect(state_dir)
        if photos is None:
            album, folder, question = _sample(out, count)
        else:
            album, folder, question = _album_name(photos), photos, None
        _drop(cloud, album, folder)

        records = list(cloud.documents.list_photos(album))
        print_tables(_found(records))
        question = question or _own_question(cloud, records, out)
        if question.bib_number:
            screen.print(f"\nWho wears {question.bib_number}?   find {album} --bib {question.bib_number}", style="bold")
            _show_answer(api_client.search(album, {"bib": question.bib_number, "limit": 10}))
        if question.selfie:
            screen.print(f"\nWho is this?   find {album} --selfie {question.selfie}", style="bold")
            _show_answer(api_client.search(album, {"limit": 10}, [question.selfie]))
        sheet = _write_sheet(cloud, records, out)
        _show_next(album, records, sheet, running=not stop)
        if stop:
            stack.stop(state_dir)
            return
        url = str(api_client.in_album("POST", album, "/shares", json={"label": "demo", "may": "browse"})["url"])
        screen.print("\nThe album as runners see it, on this machine", style="bold")
        say(f"  {url}")
        if open_page:
            typer.launch(url)


def _sample(out: Path, count: int) -> tuple[str, Path, Question]:
    with console(stderr=True).status("drawing the sample album"):
        made = make_sample_album(out / "sample-album", photos=count, with_bad_files=True, with_clip=True)
    appearances = Counter(runner.person for photo in made.photos if not photo.is_blurry for runner in photo.runners)
    [(person, _)] = appearances.most_common(1)
    known = next(one for one in made.people if one.person == person)
    return "sample-race", made.photos_folder, Question(known.bib_number, known.selfie)


def _album_name(folder: Path) -> str:
    name = folder.resolve().name
    return name if is_album_name(name) else "my-photos"


def _drop(cloud: App, album: str, folder: Path) -> None:
    photos = collect([folder], album).photos
    uploaded = by_composed_name(cloud.uploads.uploaded(album))
    contents, _ = dropping.compare(photos_to_compare(photos, uploaded), parallel=_PARALLEL, on_done=lambda: None)
    # The sample album is drawn again where its size changed: what it holds is replaced, not added to.
    placed = place(photos, uploaded, contents, replace=True)
    new = [one for one in placed if one.placement is not Placement.THERE]
    with progress_bar("sending", len(new)) as bar:
        dropped = dropping.send(cloud.uploads, placed, parallel=_PARALLEL, on_done=bar.advance)
    with progress_bar("analysing", len(dropped.there)) as bar:
        dropping.wait_until_final(cloud.documents, dropped.there, bar.advance)


def _found(records: list[PhotoRecord]) -> Table:
    shown = table("photo", "status", "faces", "bibs", "sharpness", "remark", right=["faces", "sharpness"])
    for record in sorted(records, key=lambda record: record.ref.name)[:_SHOWN]:
        fields = record.fields
        if record.status is PhotoStatus.DONE:
            sharpness = fields["sharpness"]
            shown.add_row(
                printable(record.ref.name),
                record.status.value,
                str(len(fields["faces"])),
                " ".join(fields["bib_numbers"]),
                f"{sharpness['frame']:.2f}",
                _remark(fields),
            )
        else:
            error = fields.get("error") or {}
            shown.add_row(printable(record.ref.name), record.status.value, "", "", "", error.get("message", ""))
    if len(records) > _SHOWN:
        shown.add_row(f"… {len(records) - _SHOWN} more", "", "", "", "", "")
    return shown


def _remark(fields: Mapping[str, Any]) -> str:
    if video := fields.get("video"):
        return f"a video of {clock_time(video['duration_s'])} with {counted(video['scene_count'], 'scene')}"
    return "blurry" if fields["sharpness"]["is_blurry"] else ""


def _own_question(cloud: App, records: list[PhotoRecord], out: Path) -> Question:
    """The most frequent number, and the best face, cropped from its preview."""
    numbers = Counter(number for record in records for number in record.fields.get("bib_numbers", []))
    faces = [
        (face["quality"], record, face)
        for record in records
        for face in record.fields.get("faces", [])
        if "at_s" not in face["box"]  # of a video, whose picture is of another moment
    ]
    selfie = None
    if faces:
        _, record, face = max(faces, key=lambda entry: entry[0])
        selfie = out / "selfie.jpg"
        selfie.parent.mkdir(parents=True, exist_ok=True)
        write_picture(selfie, square_around(preview(cloud.store, record), face["box"], margin=_SELFIE_MARGIN))
    return Question(numbers.most_common(1)[0][0] if numbers else None, selfie)


def _show_answer(answer: dict[str, Any]) -> None:
    print_tables(find.photos_table(answer), empty="no photos found")


def _write_sheet(cloud: App, records: list[PhotoRecord], out: Path) -> Path | None:
    done = sorted(
        (record for record in records if record.status is PhotoStatus.DONE), key=lambda record: record.ref.name
    )
    if not done:
        return None
    tiles = []
    with progress_bar("drawing", len(done[:_SHOWN])) as bar:
        for record in done[:_SHOWN]:
            numbers = " ".join(record.fields["bib_numbers"])
            tiles.append(Tile(annotated(cloud.store, record), f"{Path(record.ref.name).name}  {numbers}"))
            bar.advance()
    out.mkdir(parents=True, exist_ok=True)
    path = out / "contact-sheet.jpg"
    write_picture(path, contact_sheet(tiles))
    return path


def _show_next(album: str, records: list[PhotoRecord], sheet: Path | None, *, running: bool) -> None:
    screen = console()
    command = os.path.relpath(sys.argv[0]) if Path(sys.argv[0]).name == "photofinish" else "photofinish"
    screen.print("\nWhere to look next", style="bold")
    if sheet:
        screen.print(f"  {sheet}   every photo with what was found")
    if not running:
        return
    first = next((record.ref.name.partition("/")[2] for record in records if record.status is PhotoStatus.DONE), "")
    for arguments, why in (
        (f"status {album}", "counts, rate, time from upload to result"),
        (f"trace {album} {first}", "every stage of one photo"),
        (f"show {album} {first}", "what was found in it"),
        ("drop DIR --album NAME --wait", "your own photos"),
        ("env", "addresses and keys for your own programs"),
        ("down", "stop the local cloud; it keeps everything"),
    ):
        screen.print(f"  {command} {arguments:<36} {why}")
