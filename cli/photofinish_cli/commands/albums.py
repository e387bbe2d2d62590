"""`photofinish albums` and `photofinish photos`: which albums there are, and the photos of one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Annotated, Any

import typer

from photofinish.domain.photo import PhotoStatus
from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import (
    ExitCode,
    print_json,
    print_tables,
    printable,
    remark,
    reported_errors,
    table,
)
from photofinish_cli.photo_filters import Camera, Folder, TakenFrom, TakenTo
from photofinish_cli.times import local_time

_PAGE = 200
_PARALLEL = 8
# Always a column; another status is one where an album has photos of it.
_USUAL = (PhotoStatus.DONE, PhotoStatus.REJECTED, PhotoStatus.FAILED)
# Longer names of files are broken into lines, so that a terminal has room for the rest.
_MAX_WHOLE_NAME = 24
_WITH_REASONS = (PhotoStatus.REJECTED, PhotoStatus.FAILED)


def albums(
    limit: Annotated[int, typer.Option(help="Albums at most, by name.", min=1)] = 100,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """List the albums with their photos by status, faces, bibs and last upload.

    Examples:

      photofinish albums

      photofinish albums --json
    """
    with reported_errors():
        use_deployment(state)
        names = list(islice(_album_names(), limit + 1))
        with ThreadPoolExecutor(_PARALLEL, "album") as pool:
            details = list(pool.map(api_client.album, names[:limit]))
        if json:
            print_json({"albums": details, "has_more": len(names) > limit})
            return
        _show_albums(details)
        if len(names) > limit:
            remark(f"there are more: give --limit to list more than {limit}")


def photos(
    album: Album,
    status: Annotated[
        PhotoStatus | None, typer.Option("--status", help="Only photos with this status.", case_sensitive=False)
    ] = None,
    bib: Annotated[str | None, typer.Option("--bib", help="Only photos with exactly this number.")] = None,
    camera: Camera = None,
    folder: Folder = None,
    taken_from: TakenFrom = None,
    taken_to: TakenTo = None,
    warnings: Annotated[bool, typer.Option("--warnings", help="Only photos with warnings.")] = False,
    limit: Annotated[int, typer.Option(help="Photos at most.", min=1)] = 100,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """List the photos of an album, with what was found or why they were rejected.

    Photos that meet all options, of any status: by name, or by time with --from or --to. A terminal shows the sentences
    about rejected photos with --status rejected. `find` searches for a person.

    Examples:

      photofinish photos spring-10k --status rejected

      photofinish photos spring-10k --bib 1234 --folder cam2

      photofinish photos spring-10k --from 2026-05-01T10:00 --to 2026-05-01T10:15 --json
    """
    given = {
        "status": None if status is None else status.value,
        "bib": bib,
        "camera": camera,
        "folder": folder,
        "taken_from": taken_from,
        "taken_to": taken_to,
        "with_warnings": "true" if warnings else None,
    }
    with reported_errors():
        use_deployment(state)
        query = {name: value for name, value in given.items() if value is not None}
        listed = list(islice(_photos(album, query, limit), limit + 1))
        if json:
            print_json({"photos": listed[:limit], "has_more": len(listed) > limit})
        else:
            _show_photos(album, listed[:limit], with_reasons=status in _WITH_REASONS or not sys.stdout.isatty())
            if len(listed) > limit:
                remark(f"there are more: give --limit to list more than {limit}, or choose by options")
    if not listed:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _album_names() -> Iterator[str]:
    cursor: dict[str, Any] = {}
    while True:
        answer = api_client.albums(limit=_PAGE, **cursor)
        yield from (album["album"] for album in answer["albums"])
        if answer["next_cursor"] is None:
            return
        cursor = {"cursor": answer["next_cursor"]}


def _photos(album: str, query: Mapping[str, str], limit: int) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        page = {"limit": min(limit + 1, _PAGE)}
        answer = api_client.in_album("GET", album, "/photos", params={**query, **page, **cursor})
        yield from answer["photos"]
        if answer["next_cursor"] is None:
            return
        cursor = {"cursor": answer["next_cursor"]}


def _show_albums(details: list[dict[str, Any]]) -> None:
    present = {status for album in details for status in album["photos_by_status"]}
    # Into a pipe the columns are always the same.
    every = not sys.stdout.isatty()
    statuses = [status.value for status in PhotoStatus if every or status in _USUAL or status.value in present]
    numbers = [*statuses, "faces", "bibs"]
    shown = table("album", *numbers, "last upload", right=numbers)
    for album in details:
        shown.add_row(
            printable(album["album"]),
            *(str(album["photos_by_status"].get(status, 0)) for status in statuses),
            str(album["faces"]),
            str(album["bibs"]),
            local_time(album["last_upload_at"]),
        )
    print_tables(shown, empty="no albums yet: send photos with `photofinish drop FOLDER --album NAME`")


def _show_photos(album: str, listed: list[dict[str, Any]], *, with_reasons: bool) -> None:
    of_analysis = ["taken at", "faces", "bibs"]
    columns = ["photo", "status", *of_analysis, "problem", *(["why"] if with_reasons else [])]
    names = [printable(photo["photo"]["name"].removeprefix(f"{album}/")) for photo in listed]
    shown = table(
        *columns,
        right=["faces"],
        whole=["taken at"],
        optional=[*of_analysis, "problem"],
        at_least={"photo": min(max((len(name.rpartition("/")[2]) for name in names), default=0), _MAX_WHOLE_NAME)},
    )
    for name, photo in zip(names, listed, strict=True):
        error = photo["error"] or {}
        is_blurry = bool(photo["sharpness"]) and photo["sharpness"]["is_blurry"]
        shown.add_row(
            name,
            photo["status"],
            (photo["image"] or {}).get("taken_at") or "",
            "" if photo["sharpness"] is None else str(len(photo["faces"])),
            " ".join(dict.fromkeys(printable(bib["number"]) for bib in photo["bibs"])),
            error.get("code") or ("blurry" if is_blurry else ""),
            *([printable(error.get("message", ""))] if with_reasons else []),
        )
    print_tables(shown, empty="no photos with these options")
