"""`photofinish rebuild`: write an album's documents or index again, from what the other stores have."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from photofinish.errors import NotFound
from photofinish_cli.arguments import Album, DryRun
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.output import ExitCode, counted, print_json, printable, remark, reported_errors, say
from photofinish_cli.progress import progress_bar

if TYPE_CHECKING:
    from photofinish.application.checking.rebuilding import Rebuilt
    from photofinish.wiring import App

_ON_INTERRUPT = "What was written stays; the same command goes on with the rest."

app = typer.Typer(
    name="rebuild",
    help="Write an album's documents or index again, from what the other stores have. What is erased stays so.",
    no_args_is_help=True,
)


@app.command("documents")
def documents(album: Album, dry_run: DryRun = False, json: Json = False, state: StateDir = None) -> None:
    """Write the album's documents in Firestore from its sidecars and the database.

    Documents that are right stay as they are, with their times; nothing is told twice. Photos that have no result
    anywhere are queued.

    Example: photofinish rebuild documents spring-10k --dry-run
    """
    _rebuild(album, "documents", dry_run=dry_run, json=json, state=state)


@app.command("index")
def index(
    album: Album,
    dry_run: DryRun = False,
    new_database: Annotated[
        bool, typer.Option("--new-database", help="Go on though the database does not know the album.")
    ] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Index the album's photos from their sidecars, and from the originals where that is not enough.

    Sidecars hold no embeddings: photos whose faces the database has lost are queued, and analysed again.

    Example: photofinish rebuild index spring-10k --dry-run
    """
    options = {"is_new_database": new_database}
    _rebuild(album, "index", dry_run=dry_run, json=json, state=state, options=options)


def _rebuild(
    album: str, what: str, *, dry_run: bool, json: bool, state: StateDir, options: Mapping[str, bool] | None = None
) -> None:
    with reported_errors(on_interrupt=_ON_INTERRUPT):
        cloud = connect(state)
        known = _known(cloud, album)
        with progress_bar("comparing" if dry_run else "rebuilding", known, plain=json) as bar:

            def show(so_far: Rebuilt) -> None:
                bar.update(done=so_far.photos, total=max(known, so_far.photos))

            rebuild: Callable[..., Rebuilt] = getattr(cloud.album_rebuilder, what)
            done = rebuild(album, dry_run=dry_run, on_progress=show, **(options or {}))
    if json:
        print_json({"album": album, "photos": done.photos, "dry_run": dry_run} | asdict(done))
    else:
        _print(album, done, dry_run=dry_run)
    if done.lost:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _known(cloud: App, album: str) -> int:
    """How many photos any store has of the album, about."""
    from photofinish.application.reconcile import listed_photos

    counts = sum(cloud.documents.counts(album).values())
    indexed = next(iter(cloud.albums.summaries(names=frozenset({album}), limit=1, after=None)), None)
    known = max(counts, 0 if indexed is None else indexed.photos)
    if not known and next(listed_photos(cloud.store, album), None) is None:
        raise NotFound(f"no photo of an album {album!r} is known")
    return known


def _print(album: str, done: Rebuilt, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    say(
        f"{printable(album)}: {counted(done.photos, 'photo')}: {done.right} right, {done.written} {would}written, "
        f"{done.queued} {would}queued, {done.lost} lost, {done.unfinished} unfinished"
    )
    if done.erasures:
        say(f"{counted(done.erasures, 'erasure')} {would}carried out again")
    if done.queued and not dry_run:
        remark(f"follow the analysis: photofinish status {shlex.quote(album)}")
    if done.lost:
        remark("what is lost is only in originals, which are gone: upload these photos again", style="yellow")
