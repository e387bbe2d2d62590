"""`photofinish erase`: erase a photo, a face, a person or an album for good, from every store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from photofinish.domain.erasure import Erasure, ErasureKind, ErasureTarget, Reason, Removed
from photofinish.errors import NotFound
from photofinish.wiring import App
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.output import counted, print_json, print_tables, reported_errors, say, table
from photofinish_cli.questions import require_yes

app = typer.Typer(
    help="Erase a photo, a face, a person or an album for good.", no_args_is_help=True, pretty_exceptions_enable=False
)
_ON_INTERRUPT = "An erasure that has begun is finished by the hourly schedule, or by `photofinish erase resume`."

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Erase without asking, as scripts need it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and change nothing.")]
Originals = Annotated[bool, typer.Option("--originals", help="Delete the originals as well, in all versions.")]


@app.command("photo")
def erase_photo(
    album: Album,
    photo: Annotated[str, typer.Argument(help="Id of the photo.", metavar="PHOTO_ID")],
    originals: Originals = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Erase a photo: everything found in it and made of it.

    Example: photofinish erase photo spring-10k 4f1c0a9b8e7d6c5b4a39281706f5e4d3 --originals
    """
    target = ErasureTarget(kind=ErasureKind.PHOTO, album=album, id=photo, with_originals=originals)
    _erase(target, f"Erase photo {photo} of {album} for good?", dry_run=dry_run, yes=yes, json=json, state=state)


@app.command("face")
def erase_face(
    album: Album,
    face: Annotated[str, typer.Argument(help="Id of the face.", metavar="FACE_ID")],
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Erase a face and the numbers read beside it; the photo stays, and a later analysis leaves the face out.

    Example: photofinish erase face spring-10k 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f
    """
    target = ErasureTarget(kind=ErasureKind.FACE, album=album, id=face)
    _erase(target, f"Erase face {face} of {album} for good?", dry_run=dry_run, yes=yes, json=json, state=state)


@app.command("person")
def erase_person(
    album: Album,
    person: Annotated[str, typer.Argument(help="Id of the person.", metavar="PERSON_ID")],
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Erase a person: name, numbers, enrolment, consent records, and all their faces; their photos stay.

    Example: photofinish erase person spring-10k 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f --dry-run
    """
    target = ErasureTarget(kind=ErasureKind.PERSON, album=album, id=person)
    _erase(target, f"Erase person {person} of {album} for good?", dry_run=dry_run, yes=yes, json=json, state=state)


@app.command("album")
def erase_album(
    album: Album,
    originals: Originals = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Erase an album: all its photos, people, start list and access. Photos uploaded later are new ones.

    Example: photofinish erase album spring-10k --originals --dry-run
    """
    target = ErasureTarget(kind=ErasureKind.ALBUM, album=album, id=album, with_originals=originals)
    _erase(target, f"Erase album {album} for good?", dry_run=dry_run, yes=yes, json=json, state=state)


@app.command("resume")
def resume(json: Json = False, state: StateDir = None) -> None:
    """Finish erasures that were requested or interrupted, without waiting for the hourly schedule.

    Example: photofinish erase resume
    """
    with reported_errors(on_interrupt=_ON_INTERRUPT):
        finished = connect(state).eraser.sweep()
    if json:
        print_json({"finished": finished})
    else:
        say(f"{counted(finished, 'erasure')} finished")


@app.command("reapply")
def reapply(json: Json = False, state: StateDir = None) -> None:
    """Carry out every erasure again, after a database or documents were restored from a backup.

    Example: photofinish erase reapply
    """
    with reported_errors(on_interrupt="The same command begins again."):
        erasures = list(connect(state).eraser.reapply())
    if json:
        print_json({"reapplied": [_json(erasure) for erasure in erasures]})
    else:
        say(f"{counted(len(erasures), 'erasure')} carried out again")


def _erase(target: ErasureTarget, question: str, *, dry_run: bool, yes: bool, json: bool, state: Any) -> None:
    with reported_errors(on_interrupt=_ON_INTERRUPT):
        cloud = connect(state)
        found = _preview(cloud, target)
        if dry_run:
            _show(found, {"would_remove": found}, json=json)
            return
        if not yes:
            if not json:
                print_tables(_table(found))
            require_yes(question)
        erasure = cloud.eraser.erase(target, reason=Reason.REQUEST)
    _show(erasure.removed, _json(erasure), json=json)
    if not json:
        say(f"erased; receipt: photofinish receipt show {erasure.id}")


def _preview(cloud: App, target: ErasureTarget) -> Removed:
    found = cloud.eraser.preview(target)
    if not found and target.kind is ErasureKind.ALBUM:
        raise NotFound(f"nothing of an album {target.album!r} is stored")
    return found


def _show(removed: Removed, document: Mapping[str, Any], *, json: bool) -> None:
    if json:
        print_json(document)
    else:
        print_tables(_table(removed))


def _table(removed: Removed) -> Any:
    shown = table("store", "what", "count", right=["count"], grouped=["store"])
    for store, counts in sorted(removed.items()):
        for what, count in sorted(counts.items()):
            shown.add_row(store, what, str(count))
    return shown


def _json(erasure: Erasure) -> dict[str, Any]:
    return {
        "erasure_id": erasure.id,
        "kind": erasure.target.kind.value,
        "album": erasure.target.album,
        "id": erasure.target.id,
        "started_at": erasure.started_at,
        "finished_at": erasure.finished_at,
        "removed": erasure.removed,
    }
