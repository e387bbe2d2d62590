"""`photofinish drop`: send photos to an album."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from photofinish_cli import dropping
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.output import ExitCode, console, print_error, print_json, printable, progress_bar, reported_errors


def drop(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with everything in them.")],
    album: Annotated[str, typer.Option("--album", "-a", help="Album to add them to; created if needed.")],
    wait: Annotated[bool, typer.Option("--wait", help="Return once every photo has its result.")] = False,
    parallel: Annotated[int, typer.Option(help="Parallel uploads.", min=1, max=64)] = 8,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Send photos to an album. Unchanged files are not sent again, so an interrupted run can be repeated.

    Examples:

      photofinish drop ./card1 ./card2 --album spring-10k --wait

      photofinish drop IMG_1.jpg -a wedding --json
    """
    with reported_errors():
        dropping.check_album_name(album)
        photos = dropping.collect(paths, album)
        cloud = connect(state)
        with progress_bar("sending", len(photos), plain=json) as bar:
            dropped = dropping.send(cloud.uploads, album, photos, parallel=parallel, on_done=bar.advance)
        if wait:
            with progress_bar("analysing", len(dropped.there), plain=json) as bar:
                dropping.wait_until_final(cloud.documents, dropped.there, bar.advance)

    if json:
        print_json(
            {
                "album": album,
                "sent": [{"name": ref.name, "generation": ref.generation} for ref in sorted(dropped.sent)],
                "unchanged": len(dropped.unchanged),
                "failed": [{"file": str(file), "error": error} for file, error in sorted(dropped.failed)],
            }
        )
    else:
        for file, why in sorted(dropped.failed):
            print_error(f"{file} was not sent: {why}")
        sent, unchanged, failed = len(dropped.sent), len(dropped.unchanged), len(dropped.failed)
        console().print(f"{printable(album)}: {sent} sent, {unchanged} already there, {failed} not sent")
    if dropped.failed:
        raise typer.Exit(ExitCode.UNAVAILABLE)
