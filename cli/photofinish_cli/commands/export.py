"""`photofinish export`: the originals of a person's photos, as a zip file or in a folder; what was found, as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish.domain.export_names import export_names
from photofinish.domain.photo import PhotoRef
from photofinish.errors import RejectedInput
from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.exporting import Exported, Wanted, export_folder, export_zip, written_whole
from photofinish_cli.output import ExitCode, counted, print_error, print_json, printable, remark, reported_errors, say
from photofinish_cli.person_ids import whole_person_id
from photofinish_cli.progress import progress_bar

_PAGE = 200


def export(
    album: Album,
    bib: Annotated[str | None, typer.Option("--bib", help="Photos of this bib number.")] = None,
    person: Annotated[
        str | None,
        typer.Option("--person", help="Photos of this person: an id as `people list` shows it, or its start."),
    ] = None,
    selfie: Annotated[
        list[Path] | None,
        typer.Option("--selfie", help="Photos of the person on this picture; up to 5.", exists=True, dir_okay=False),
    ] = None,
    min_score: Annotated[
        float,
        typer.Option("--min-score", help="Only photos with this score or more, as `find` shows it.", min=0, max=1),
    ] = 0.0,
    zip_file: Annotated[
        Path | None, typer.Option("--zip", metavar="FILE", help="Zip file to write.", dir_okay=False)
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Write files into this folder.", file_okay=False)
    ] = None,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write which numbers and people are in all photos.", dir_okay=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Write the originals of a person's photos, all that `find` finds by the same options, as they were uploaded.

    The zip has its name once it is whole. A folder's files that are there already are not fetched again, so an
    interrupted export can be repeated.

    Examples:

      photofinish export spring-10k --bib 1234 --zip 1234.zip

      photofinish export spring-10k --person 0c6f3b1e --selfie me.jpg --folder ./ada

      photofinish export spring-10k --bib 1234 --min-score 0.8 --zip 1234.zip --force

      photofinish export spring-10k --csv spring-10k.csv
    """
    if csv_file is not None:
        if any((bib, person, selfie, zip_file, folder)):
            _usage("--csv is about all photos: leave out whose photos, --zip and --folder")
        with reported_errors(on_interrupt="Nothing half-written is left; run it again."):
            _export_csv(album, csv_file, force=force)
        if json:
            print_json({"album": album, "target": str(csv_file)})
        else:
            say(f"written to {printable(str(csv_file))}")
        return
    if bib is None and person is None and not selfie:
        _usage("say whose photos: --bib, --person or --selfie")
    if (zip_file is None) == (folder is None):
        _usage("say where to: --zip FILE or --folder DIR")
    with reported_errors(on_interrupt="Nothing half-written is left; run it again."):
        _check_new(zip_file, force=force)
        cloud = connect(state)
        criteria = {} if bib is None else {"bib": bib}
        if person is not None:
            criteria["person_id"] = whole_person_id(album, person)
        found = [photo for photo in _found(album, criteria, selfie or []) if photo["score"] >= min_score]
        photos = _wanted(found)
        with progress_bar("exporting", len(photos), plain=json) as bar:
            if not photos:
                done = Exported()
            elif zip_file is not None:
                done = export_zip(zip_file, photos, cloud.store, on_done=bar.advance)
            else:
                assert folder is not None, "one of the two is given"
                uploaded = cloud.uploads.uploaded(album)
                done = export_folder(folder, photos, cloud.store, uploaded, replace=force, on_done=bar.advance)
    _tell(album, done, zip_file or folder, json=json)
    if done.failed or not photos:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _export_csv(album: str, file: Path, *, force: bool) -> None:
    _check_new(file, force=force)
    content = api_client.file_in_album(album, "/export.csv")
    with written_whole(file) as partial:
        partial.write_bytes(content)


def _check_new(file: Path | None, *, force: bool) -> None:
    if file is not None and file.exists() and not force:
        raise RejectedInput("file_exists", f"{file} exists: choose another name, or --force to replace it")


def _found(album: str, criteria: dict[str, Any], selfies: Sequence[Path]) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        answer = api_client.search(album, {**criteria, "limit": _PAGE, **cursor}, selfies)
        yield from answer["photos"]
        if answer["next_cursor"] is None:
            return
        cursor = {"cursor": answer["next_cursor"]}


def _wanted(found: Sequence[dict[str, Any]]) -> list[Wanted]:
    """The photos by name, each with the path of its file."""
    found = sorted(found, key=lambda photo: photo["photo"]["name"])
    refs = [PhotoRef(**{key: photo["photo"][key] for key in ("bucket", "name", "generation")}) for photo in found]
    paths = export_names(ref.name for ref in refs)
    return [
        Wanted(
            photo=ref,
            path=paths[ref.name],
            taken_at=datetime.fromisoformat(photo["taken_at"]) if photo["taken_at"] else None,
        )
        for ref, photo in zip(refs, found, strict=True)
    ]


def _tell(album: str, done: Exported, target: Path | None, *, json: bool) -> None:
    if json:
        print_json(
            {
                "album": album,
                "target": str(target),
                "written": [{"name": one.photo.name, "path": one.path} for one in done.written],
                "already_there": [{"name": one.photo.name, "path": one.path} for one in done.there],
                "failed": [{"name": one.photo.name, "why": why} for one, why in done.failed],
            }
        )
        return
    for one, why in done.failed:
        print_error(f"{one.photo.name} was not exported: {why}")
    if not (done.written or done.there or done.failed):
        remark("no photos found; nothing was written")
        return
    already = f", {len(done.there)} already there" if done.there else ""
    say(f"{counted(len(done.written), 'photo')} written to {printable(str(target))}{already}")


def _usage(message: str) -> None:
    print_error(message)
    raise typer.Exit(ExitCode.USAGE)
