"""`photofinish reconcile`, `redrive`, `migrate`: bring things to where they should be."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Annotated

import typer

from photofinish import wiring
from photofinish.application.ingest import requeue
from photofinish.application.reconcile import Reconciled
from photofinish.application.reconcile import reconcile as reconcile_bucket
from photofinish.domain.photo import PhotoStatus
from photofinish.errors import NotFound
from photofinish_cli.deployment import Json, StateDir, connect, use_deployment
from photofinish_cli.output import console, print_json, progress_bar, reported_errors


def reconcile(
    album: Annotated[str | None, typer.Option("--album", "-a", help="Only this album.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Those of the album that are done as well.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Queue every photo of the bucket that has no record, an older one, or is stuck.

    Example: photofinish reconcile --album spring-10k
    """
    if again and album is None:
        raise typer.BadParameter("needs --album: it costs as much as the first time", param_hint="--again")
    with reported_errors():
        cloud = connect(state)
        with progress_bar("comparing", 0, plain=json) as bar:

            def show(so_far: Reconciled) -> None:
                bar.update(done=so_far.seen, total=so_far.seen)

            done = reconcile_bucket(
                store=cloud.store,
                documents=cloud.documents,
                queue=cloud.queue,
                events=cloud.events,
                stale_after=timedelta(seconds=cloud.settings.stale_after_s),
                album=album,
                again=again,
                on_progress=show,
            )
    if json:
        print_json({"seen": done.seen, "queued": done.queued})
    else:
        console().print(f"{done.seen} photos in the bucket, {done.queued} queued")


def redrive(
    album: Annotated[str, typer.Argument(help="Album whose failed photos are tried again.")],
    rejected: Annotated[bool, typer.Option("--rejected", help="Rejected photos too.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Queue an album's failed photos again.

    Example: photofinish redrive spring-10k
    """
    with reported_errors():
        cloud = connect(state)
        statuses = [PhotoStatus.FAILED, *([PhotoStatus.REJECTED] if rejected else [])]
        if not cloud.documents.counts(album):
            raise NotFound(f"no photo of an album {album!r} is known")
        records = [record for status in statuses for record in cloud.documents.list_photos(album, status=status)]
        queued = 0
        with progress_bar("queueing", len(records), plain=json) as bar:
            for record in records:
                uploaded_at = record.fields.get("stages", {}).get("uploaded_at") or record.fields["changed_at"]
                queued += requeue(record.ref, uploaded_at=uploaded_at, documents=cloud.documents, queue=cloud.queue)
                bar.advance()
    if json:
        print_json({"album": album, "queued": queued})
    else:
        console().print(f"{album}: {queued} photos queued again")


def migrate(json: Json = False, state: StateDir = None) -> None:
    """Bring the database to this version's schema, and say which albums it needs analysed again.

    Safe to repeat, and while the system runs.

    Example: photofinish migrate
    """
    with reported_errors():
        use_deployment(state)
        applied = wiring.migrate_database()
        unsearchable = wiring.unsearchable_photos()
    if json:
        print_json({"applied": applied, "unsearchable": unsearchable})
        return
    console().print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
    for album, photos in unsearchable.items():
        console().print(
            f"{album}: no search finds {photos} photos that an earlier version indexed. "
            f"Analyse the album again: photofinish reconcile --album {shlex.quote(album)} --again",
            soft_wrap=True,
        )
