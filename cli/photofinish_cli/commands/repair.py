"""`photofinish reconcile`, `redrive`, `migrate`: bring things to where they should be."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Annotated

import typer

from photofinish import wiring
from photofinish.application.album_budgets import queue_resumed
from photofinish.application.ingest import requeue
from photofinish.application.reconcile import Reconciled
from photofinish.application.reconcile import reconcile as reconcile_bucket
from photofinish.domain.photo import PhotoStatus, album_name
from photofinish.errors import NotFound
from photofinish_cli.arguments import Album, DryRun
from photofinish_cli.deployment import Json, StateDir, connect, use_deployment
from photofinish_cli.output import counted, print_json, printable, remark, reported_errors, say
from photofinish_cli.progress import progress_bar

_ON_INTERRUPT = "Photos that were queued are analysed; the same command queues the rest."


def reconcile(
    album: Annotated[str | None, typer.Option("--album", "-a", help="Only this album.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Those of the album that are done as well.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Queue every photo of the bucket that has no record, an older one, or is stuck.

    First those of albums whose budget was used up, and was raised.

    Example: photofinish reconcile --album spring-10k
    """
    if again and album is None:
        raise typer.BadParameter("needs --album: it costs as much as the first time", param_hint="--again")
    with reported_errors(on_interrupt=_ON_INTERRUPT):
        cloud = connect(state)
        album = None if album is None else album_name(album)
        resumed = 0
        if not dry_run:
            resumed = queue_resumed(
                cloud.halted_albums, documents=cloud.documents, queue=cloud.queue, events=cloud.events, only=album
            )
        with progress_bar("comparing", 0, plain=json) as bar:

            def show(so_far: Reconciled) -> None:
                bar.update(done=so_far.seen, total=so_far.seen)

            done = reconcile_bucket(
                store=cloud.store,
                documents=cloud.documents,
                queue=cloud.queue,
                events=cloud.events,
                stale_after=timedelta(seconds=cloud.settings.stale_after_s),
                halted=cloud.halted_albums.read().halted,
                album=album,
                max_video_bytes=cloud.settings.max_video_bytes,
                again=again,
                dry_run=dry_run,
                on_progress=show,
            )
    queued = resumed + done.queued
    if json:
        print_json({"seen": done.seen, "queued": queued} | ({"dry_run": True} if dry_run else {}))
    else:
        say(f"{counted(done.seen, 'photo')} in the bucket, {queued} {'to queue' if dry_run else 'queued'}")


def redrive(
    album: Album,
    rejected: Annotated[bool, typer.Option("--rejected", help="Rejected photos too.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Queue an album's failed photos again.

    Example: photofinish redrive spring-10k
    """
    with reported_errors(on_interrupt=_ON_INTERRUPT):
        album = album_name(album)
        cloud = connect(state)
        statuses = [PhotoStatus.FAILED, *([PhotoStatus.REJECTED] if rejected else [])]
        if not cloud.documents.counts(album):
            raise NotFound(f"no photo of an album {album!r} is known")
        records = [record for status in statuses for record in cloud.documents.list_photos(album, status=status)]
        queued = 0
        with progress_bar("queueing", len(records), plain=json) as bar:
            for record in records:
                uploaded_at = record.fields.get("stages", {}).get("uploaded_at") or record.fields["changed_at"]
                queued += dry_run or requeue(
                    record.ref,
                    seen_at=record.fields["changed_at"],
                    uploaded_at=uploaded_at,
                    documents=cloud.documents,
                    queue=cloud.queue,
                    events=cloud.events,
                )
                bar.advance()
    if json:
        print_json({"album": album, "queued": queued} | ({"dry_run": True} if dry_run else {}))
    else:
        say(f"{printable(album)}: {counted(queued, 'photo')} {'to queue' if dry_run else 'queued'} again")


def migrate(
    grant: Annotated[
        list[str] | None,
        typer.Option(
            "--grant",
            metavar="RIGHTS:USER",
            help="What a database user of a function may do: data, api or retention. Repeatable.",
        ),
    ] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Bring the database to this version's schema, and say which albums it needs analysed again.

    Safe to repeat, and while the system runs. In a deployment the job `migrate` names the users of the functions.

    Example: photofinish migrate
    """
    grants = grant or []
    with reported_errors():
        use_deployment(state)
        applied = wiring.migrate_database(grants)
        unsearchable = wiring.unsearchable_photos()
        warnings = wiring.pgvector_warnings()
    if json:
        print_json({"applied": applied, "granted": grants, "unsearchable": unsearchable, "warnings": warnings})
        return
    say("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
    if grants:
        say(f"rights of {counted(len(grants), 'database user')} set")
    for warning in warnings:
        remark(f"warning: {warning}", style="yellow")
    for album, photos in unsearchable.items():
        say(
            f"{printable(album)}: no search finds {counted(photos, 'photo')} that an earlier version indexed. "
            f"Analyse the album again: photofinish reconcile --album {shlex.quote(album)} --again"
        )
