"""`photofinish bib`: correct the bib numbers of a photo, list corrections, undo one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.commands.show import find_record
from photofinish_cli.deployment import Json, StateDir, connect, use_deployment
from photofinish_cli.output import print_json, print_tables, printable, remark, reported_errors, say, table
from photofinish_cli.times import local_time


def bib(
    album: Album,
    photo: Annotated[
        str | None, typer.Argument(help="Name of the photo inside the album (cam2/IMG_1.jpg), or photo id.")
    ] = None,
    wrong: Annotated[str | None, typer.Argument(help="The number that was read.")] = None,
    right: Annotated[str | None, typer.Argument(help="The number that is worn.")] = None,
    add: Annotated[str | None, typer.Option("--add", help="Add a number that was not read.", metavar="N")] = None,
    remove: Annotated[str | None, typer.Option("--remove", help="Remove a number.", metavar="N")] = None,
    move: Annotated[
        tuple[str, str] | None, typer.Option("--move", help="Another face wears the number.", metavar="N FACE")
    ] = None,
    face: Annotated[
        str | None,
        typer.Option(
            "--face",
            help="Id of the wearer's face, as `show` prints it: for an added number, or one that the photo has twice.",
        ),
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="List the corrections, newest first.")] = False,
    undo: Annotated[int | None, typer.Option("--undo", help="Undo this operation.", min=1, metavar="ID")] = None,
    limit: Annotated[int, typer.Option(help="With --history: operations at most.", min=1, max=200)] = 20,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Correct a bib number. It is found from then on, and no later analysis or other rules change it.

    Examples:

      photofinish bib spring-10k cam2/IMG_1.jpg 14951 1495

      photofinish bib spring-10k cam2/IMG_1.jpg --add 1495 --face FACE

      photofinish bib spring-10k --history
    """
    body = _correction(wrong, right, add=add, remove=remove, move=move, face=face)
    chosen = [body is not None, history, undo is not None]
    if sum(chosen) > 1:
        raise typer.BadParameter("give either a correction, --history or --undo")
    if (photo is None and body is not None) or (photo is not None and undo is not None):
        raise typer.BadParameter("a correction needs a photo, --undo only an album and the operation")
    if body is None and undo is None and not history:
        raise typer.BadParameter("say what is wrong: two numbers, --add, --remove or --move; or ask for --history")
    with reported_errors():
        use_deployment(state)
        record = None if photo is None else find_record(connect(state), album, photo)
        if history:
            photo_id = {} if record is None else {"photo_id": record.ref.photo_id}
            _list(api_client.in_album("GET", album, "/bib-operations", params={"limit": limit} | photo_id), json=json)
            return
        if record is None:
            answer = api_client.in_album("POST", album, f"/bib-operations/{undo}/undo")
        else:
            path = f"/photos/{record.ref.photo_id}/bibs"
            answer = api_client.in_album("PATCH", album, path, json=body)
    if json:
        print_json(answer)
        return
    numbers = ", ".join(shown["number"] for shown in answer["bibs"]) or "no number"
    say(f"{printable(answer['photo']['name'])} now has {printable(numbers)}")
    operation = answer["operation_id"]
    undoing = f"`photofinish bib {printable(album)} --undo {operation}` undoes this"
    remark("nothing changed" if operation is None else undoing)


def _correction(
    wrong: str | None,
    right: str | None,
    *,
    add: str | None,
    remove: str | None,
    move: tuple[str, str] | None,
    face: str | None,
) -> dict[str, Any] | None:
    """The body of the request; None if no correction is given."""
    if (wrong is None) != (right is None):
        raise typer.BadParameter("give two numbers: the one that was read, and the one that is worn")
    asked: list[dict[str, Any]] = []
    if wrong is not None:
        asked.append({"action": "replace", "number": wrong, "new_number": right, "face_id": face})
    if add is not None:
        asked.append({"action": "add", "number": add, "face_id": face})
    if remove is not None:
        asked.append({"action": "remove", "number": remove, "face_id": face})
    if move is not None:
        if face is not None:
            raise typer.BadParameter("--move names the face itself: leave --face out")
        asked.append({"action": "move", "number": move[0], "face_id": move[1]})
    if len(asked) > 1:
        raise typer.BadParameter("give one correction at a time: two numbers, --add, --remove or --move")
    return asked[0] if asked else None


def _list(answer: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(answer)
        return
    shown = table("operation", "photo", "what", "when", "by", "undone", right=["operation"])
    for done in answer["operations"]:
        shown.add_row(
            str(done["operation_id"]),
            printable(done["photo"]["name"]),
            printable(_in_words(done)),
            local_time(done["done_at"]),
            done["done_by"] or "",
            f"by {done['undone_by']}" if done["undone_by"] else "",
        )
    print_tables(shown, empty="no corrections")


def _in_words(done: dict[str, Any]) -> str:
    if done["undoes"]:
        return f"{done['kind']} of {done['undoes']}"
    if done["instead_of"]:
        return f"{done['instead_of']} → {done['number']}"
    return f"{done['kind']} {done['number']}"
