"""`photofinish drop`: send photos to an album."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photofinish.domain.photo import PhotoRef, PhotoStatus, check_visible
from photofinish.errors import RejectedInput
from photofinish_cli import dropping
from photofinish_cli.arguments import album_of, complete_album
from photofinish_cli.deployment import Json, StateDir, connect, names_an_api
from photofinish_cli.drop_files import Collected, LeftOut, LocalPhoto, collect
from photofinish_cli.drop_names import Content, Placed, Placement, by_composed_name, photos_to_compare, place
from photofinish_cli.output import (
    ExitCode,
    is_quiet,
    print_error,
    print_json,
    printable,
    remark,
    reported_errors,
    say,
)
from photofinish_cli.progress import progress_bar

if TYPE_CHECKING:
    from photofinish.ports import UploadedFile
    from photofinish.wiring import App
    from photofinish_cli.batch_dropping import BatchDropping

_NAMED = 5  # files named in a sentence
_ON_INTERRUPT = (
    "Photos that were sent are analysed anyway. The same command sends the rest; "
    "`photofinish status ALBUM --watch` shows the analysis."
)


def drop(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with everything in them.")],
    album: Annotated[
        str,
        typer.Option("--album", "-a", help="Album to add them to; created if needed.", autocompletion=complete_album),
    ],
    wait: Annotated[bool, typer.Option("--wait", help="Return once every photo has its result.")] = False,
    replace: Annotated[
        bool | None,
        typer.Option(
            "--replace/--keep-both",
            help="What becomes of a photo of the album whose name another photo has.",
            show_default="ask on a terminal, else keep both",
        ),
    ] = None,
    parallel: Annotated[int, typer.Option(help="Parallel uploads.", min=1, max=64)] = 8,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Send photos to an album. What is there already is not sent again, so an interrupted run can be repeated.

    Two cards often hold the same names (IMG_0001.jpg). Both photos are kept, the later one as IMG_0001~3f2a91bc.jpg;
    the last part comes from its content. --replace is for photos that you edited and send again.

    Hidden files, and files that are no photos, such as labels.json or Thumbs.db, are skipped and counted. A photo that
    cannot be read or sent is reported, and the others go on.

    Ends with 4 where a photo could not be sent, and, with --wait, with 1 where one was rejected or failed.

    Examples:

      photofinish drop ./card1 ./card2 --album spring-10k --wait

      photofinish drop ./edited --album spring-10k --replace

      photofinish drop IMG_1.jpg -a wedding --json
    """
    with reported_errors(on_interrupt=_ON_INTERRUPT):
        album = album_of(album)
        check_visible(album)
        cloud = connect(state)
        collected = collect(paths, album)
        uploaded = by_composed_name(cloud.uploads.uploaded(album))
        contents = _compared(collected, photos_to_compare(collected.photos, uploaded), parallel, plain=json)
        placed = place(collected.photos, uploaded, contents, replace=bool(replace))
        if (
            replace is None
            and (taken := _names_of_others(placed, uploaded))
            and _can_ask(json=json)
            and _asked_to_replace(taken)
        ):
            placed = place(collected.photos, uploaded, contents, replace=True)
        already_there = sum(one.placement is Placement.THERE for one in placed)
        with progress_bar("sending", len(placed) - already_there, plain=json or already_there == len(placed)) as bar:
            batches, dropped, others = _sent(cloud, album, placed, parallel, bar.advance)
        dropped.failed += collected.failed
        results = None
        if wait:
            with progress_bar("analysing", len(dropped.there), plain=json) as bar:
                if batches is not None:
                    batches.wait(bar.advance)
                dropping.wait_until_final(cloud.documents, others, bar.advance)
            results = dropping.results_of(cloud.documents, others)
            if batches is not None:
                results = dropping.together(batches.results(), results)

    if json:
        print_json(_as_json(album, dropped, results, collected.skipped, already_there))
    else:
        _tell(album, dropped, results, collected.skipped, already_there)
    if dropped.failed:
        raise typer.Exit(ExitCode.UNAVAILABLE)
    if results and results.problems:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _sent(
    cloud: App, album: str, placed: Sequence[Placed], parallel: int, on_done: Callable[[], None]
) -> tuple[BatchDropping | None, dropping.Dropped, list[PhotoRef]]:
    """Send what the album does not have: in batches of the API, and straight to the bucket what no batch takes.

    Return the batches, what became of the photos, and those that are in the bucket without one of the batches.
    """
    from photofinish_cli.batch_dropping import BatchDropping, in_batches

    taken, others = in_batches(placed) if names_an_api() else ([], list(placed))
    batches, dropped = None, dropping.Dropped()
    if taken:
        batches = BatchDropping(album, cloud.settings.photo_bucket, parallel=parallel)
        try:
            dropped = batches.send(taken, on_done=on_done)
        except RejectedInput as refusal:
            if refusal.code != "forbidden":
                raise
            remark("the API key may not add photos: they are sent straight to the bucket")
            batches, others = None, list(placed)
    direct = dropping.send(cloud.uploads, others, parallel=parallel, on_done=on_done)
    without_batch = direct.there
    direct.sent += dropped.sent
    direct.beside += dropped.beside
    direct.failed += dropped.failed
    return batches, direct, without_batch


def _compared(collected: Collected, photos: Sequence[LocalPhoto], parallel: int, *, plain: bool) -> dict[Path, Content]:
    """The contents of `photos`; one that cannot be read is moved to those that failed."""
    if not photos:
        return {}
    with progress_bar("comparing", len(photos), plain=plain) as bar:
        contents, failed = dropping.compare(photos, parallel=parallel, on_done=bar.advance)
    unreadable = {one.path for one in failed}
    collected.photos = [photo for photo in collected.photos if photo.path not in unreadable]
    collected.failed += failed
    return contents


def _names_of_others(placed: Sequence[Placed], uploaded: Mapping[str, UploadedFile]) -> list[str]:
    """The names of photos of the album that replacing would overwrite; not of others of this command."""
    names = [one.photo.name for one in placed if one.placement is Placement.BESIDE]
    return list(dict.fromkeys(name for name in names if name in uploaded))


def _can_ask(*, json: bool) -> bool:
    return not json and not is_quiet() and sys.stdin.isatty() and sys.stderr.isatty()


def _asked_to_replace(names: Sequence[str]) -> bool:
    have = "1 photo has the name of another" if len(names) == 1 else f"{len(names)} photos have the names of others"
    return typer.confirm(f"{have} in the album: {_few(names)}. Replace there? Otherwise both are kept", err=True)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return printable(", ".join(names[:_NAMED])) + more


def _as_json(
    album: str,
    dropped: dropping.Dropped,
    results: dropping.Results | None,
    skipped: Sequence[LeftOut],
    already_there: int,
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "album": album,
        "sent": [{"name": ref.name, "generation": ref.generation} for ref in sorted(dropped.sent)],
        "unchanged": already_there,
        "replaced": dropped.replaced,
        "kept_beside": [
            {"file": str(one.photo.path), "name": one.name} for one in sorted(dropped.beside, key=lambda one: one.name)
        ],
        "skipped": [{"file": str(one.path), "reason": one.reason} for one in sorted(skipped)],
        "failed": [{"file": str(one.path), "error": one.reason} for one in sorted(dropped.failed)],
    }
    if results:
        document["results"] = {
            "counts": {status.value: count for status, count in sorted(results.counts.items())},
            "problems": [
                {"name": one.name, "status": one.status.value, "code": one.code, "message": one.message}
                for one in results.problems
            ],
        }
    return document


def _tell(
    album: str,
    dropped: dropping.Dropped,
    results: dropping.Results | None,
    skipped: Sequence[LeftOut],
    already_there: int,
) -> None:
    for file in sorted(dropped.failed):
        print_error(f"{file.path} was not sent: {file.reason}")
    for problem in results.problems if results else ():
        verb = "was rejected" if problem.status is PhotoStatus.REJECTED else "failed"
        print_error(f"{problem.name} {verb}: {problem.message}")
    if skipped:
        remark(f"skipped: {_few([f'{one.path} ({one.reason})' for one in sorted(skipped)])}")
    if dropped.beside:
        names = [one.name for one in sorted(dropped.beside, key=lambda one: one.name)]
        remark(f"kept beside another photo of the same name: {_few(names)}")
    parts = [f"{len(dropped.sent)} sent"]
    parts += [f"{dropped.replaced} replaced"] if dropped.replaced else []
    parts += [f"{already_there} already there"]
    parts += [f"{len(skipped)} skipped"] if skipped else []
    parts += [f"{len(dropped.failed)} not sent"] if dropped.failed else []
    if results:
        final = (PhotoStatus.DONE, PhotoStatus.REJECTED, PhotoStatus.FAILED)
        parts[-1] += "; " + ", ".join(f"{results.counts.get(status, 0)} {status.value}" for status in final)
    say(f"{printable(album)}: {', '.join(parts)}")
