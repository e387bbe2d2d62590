"""`photofinish drop`: send photos to an album."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated

import typer

from photofinish.domain.photo import PhotoRef
from photofinish.errors import PhotofinishError
from photofinish_cli import dropping
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.output import ExitCode, console, print_error, print_json, progress_bar, reported_errors


def drop(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders; folders with everything inside.")],
    album: Annotated[str, typer.Option("--album", "-a", help="Album to drop them into; it need not exist.")],
    wait: Annotated[bool, typer.Option("--wait", help="Return once every photo has its result.")] = False,
    parallel: Annotated[int, typer.Option(help="Uploads at a time.", min=1, max=64)] = 8,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Send photos to an album. What is there already, unchanged, is not sent again, so a broken run can be repeated.

    Examples:

      photofinish drop ./card1 ./card2 --album spring-10k --wait

      photofinish drop IMG_1.jpg -a wedding --json
    """
    with reported_errors():
        dropping.check_album_name(album)
        photos = dropping.collect(paths, album)
        cloud = connect(state)
        bucket = cloud.storage_client.bucket(cloud.settings.photo_bucket)
        stored = dropping.stored_checksums(bucket, album)

        sent: list[PhotoRef] = []
        failed: list[tuple[str, str]] = []
        unchanged: list[PhotoRef] = []

        def send(photo: dropping.LocalPhoto) -> tuple[PhotoRef, bool]:
            there = stored.get(photo.name)
            if there is not None and dropping.is_unchanged(photo, there):
                return PhotoRef(bucket=bucket.name, name=photo.name, generation=int(there.generation)), False
            return dropping.upload(bucket, photo), True

        with (
            progress_bar("sending", len(photos), plain=json) as bar,
            ThreadPoolExecutor(parallel, "upload") as pool,
        ):
            futures = {pool.submit(send, photo): photo for photo in photos}
            for future in as_completed(futures):
                try:
                    ref, was_sent = future.result()
                    (sent if was_sent else unchanged).append(ref)
                except (PhotofinishError, OSError) as error:
                    failed.append((str(futures[future].path), str(error)))
                bar.advance()

        if wait:
            with progress_bar("analysing", len(sent) + len(unchanged), plain=json) as bar:
                dropping.wait_until_final(cloud.documents, sorted([*sent, *unchanged]), bar.advance)

    if json:
        print_json(
            {
                "album": album,
                "sent": [{"name": ref.name, "generation": ref.generation} for ref in sorted(sent)],
                "unchanged": len(unchanged),
                "failed": [{"file": file, "error": error} for file, error in sorted(failed)],
            }
        )
    else:
        for file, why in sorted(failed):
            print_error(f"{file} was not sent: {why}")
        console().print(f"{album}: {len(sent)} sent, {len(unchanged)} already there, {len(failed)} not sent")
    if failed:
        raise typer.Exit(ExitCode.UNAVAILABLE)
