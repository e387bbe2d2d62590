"""`photofinish people`: who is on an album's photos: enrol, name, confirm, reject, delete."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import requests
import typer

from photofinish.errors import Unavailable
from photofinish_cli import api_client
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import ExitCode, console, print_json, printable, reported_errors, table

_TIMEOUT_S = 60.0
_POLL_S = 0.5
_SETTLE_TIMEOUT_S = 120.0

Album = Annotated[str, typer.Argument(help="Album.")]
Person = Annotated[str, typer.Argument(help="Person id, as `people list` shows it.")]
Faces = Annotated[list[str], typer.Argument(help="Face ids of the album, as `people show` and `show` tell them.")]

app = typer.Typer(name="people", help="Who is on an album's photos: people enrolled or found.", no_args_is_help=True)


@app.command("list")
def list_people(
    album: Album,
    name: Annotated[str | None, typer.Option("--name", help="Only people whose name has these words.")] = None,
    named: Annotated[
        bool | None, typer.Option("--named/--clusters", help="Only people with a name, or without.")
    ] = None,
    limit: Annotated[int, typer.Option(help="People at most.", min=1, max=200)] = 50,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """The people of an album, those with most faces first.

    Example: photofinish people list spring-10k --named
    """
    given = {"name": name, "named": None if named is None else str(named).lower(), "limit": limit}
    with reported_errors():
        use_deployment(state)
        query = {what: value for what, value in given.items() if value is not None}
        answer = api_client.in_album("GET", album, "/people", params=query)
        if json:
            print_json(answer)
            return
    shown = table("person", "name", "faces", "confirmed", "enrolled", right=["faces", "confirmed", "enrolled"])
    for person in answer["people"]:
        counts = (str(person[f"{what}_count"]) for what in ("face", "confirmed", "enrolled"))
        shown.add_row(person["person_id"], printable(person["name"] or "–"), *counts)
    console().print(shown if answer["people"] else "no people")


@app.command("show")
def show_person(album: Album, person: Person, json: Json = False, state: StateDir = None) -> None:
    """One person: their enrolment pictures, bib numbers, faces, and faces that look like theirs.

    Example: photofinish people show spring-10k 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f
    """
    with reported_errors():
        use_deployment(state)
        detail = api_client.in_album("GET", album, f"/people/{person}")
        matches = api_client.in_album("GET", album, f"/people/{person}/matches")
        if json:
            print_json(detail | matches)
            return
    screen = console()
    screen.print(f"{printable(detail['name'] or 'a cluster without a name')}   {detail['face_count']} faces")
    if detail["uploads"]:
        uploads = table("enrolment picture", "status", "why")
        for upload in detail["uploads"]:
            uploads.add_row(upload["upload_id"], upload["status"], upload["message"] or "")
        screen.print(uploads)
    if detail["numbers"]:
        numbers = table("bib", "state", "score", "photos", "contradicted by", right=["score", "photos"])
        for number in detail["numbers"]:
            numbers.add_row(
                printable(number["number"]),
                f"part of {number['part_of']}" if number["part_of"] else number["state"],
                f"{number['score']:.2f}",
                str(len(number["evidence"])),
                ", ".join(_conflict(conflict) for conflict in number["conflicts"]),
            )
        screen.print(numbers)
    faces = table("face", "photo", "is theirs", "similarity", "probability", right=["similarity", "probability"])
    for face in matches["faces"] + matches["suggested"]:
        faces.add_row(
            face["face_id"],
            printable(face["photo"]["name"]),
            face.get("source", "perhaps"),
            *("" if face[what] is None else f"{face[what]:.3f}" for what in ("similarity", "probability")),
        )
    screen.print(faces)


@app.command("enrol")
def enrol_person(
    album: Album,
    name: Annotated[str, typer.Argument(help="Name of the person.")],
    pictures: Annotated[list[Path], typer.Argument(help="Pictures of their face.", exists=True, dir_okay=False)],
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Enrol a person by pictures; each shows this one face, from the front, in good light. Pictures are not kept.

    Example: photofinish people enrol spring-10k "Ada Lovelace" ada-1.jpg ada-2.jpg
    """
    with reported_errors():
        use_deployment(state)
        made = api_client.in_album("POST", album, "/people", json={"name": name, "pictures": len(pictures)})
        for target, picture in zip(made["uploads"], pictures, strict=True):
            _upload(target, picture)
        detail = _settled(album, made["person"]["person_id"])
    files = {target["upload_id"]: str(picture) for target, picture in zip(made["uploads"], pictures, strict=True)}
    if json:
        print_json(detail)
    else:
        shown = table("picture", "status", "why")
        for upload in detail["uploads"]:
            shown.add_row(printable(files[upload["upload_id"]]), upload["status"], upload["message"] or "")
        console().print(f"{printable(name)} is {detail['person_id']}")
        console().print(shown)
    if not any(upload["status"] == "accepted" for upload in detail["uploads"]):
        raise typer.Exit(ExitCode.FOUND_WRONG)


@app.command("rename")
def rename_person(
    album: Album,
    person: Person,
    name: Annotated[str, typer.Argument(help="New name; '' takes it away.")],
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Name a person or a cluster; the faces they have now stay theirs.

    Example: photofinish people rename spring-10k 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f "Ada Lovelace"
    """
    _change("PATCH", album, f"/people/{person}", {"name": name or None}, json=json, state=state)


@app.command("delete")
def delete_person(album: Album, person: Person, json: Json = False, state: StateDir = None) -> None:
    """Delete a person and all their embeddings, for good; the photos stay.

    Example: photofinish people delete spring-10k 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f
    """
    _change("DELETE", album, f"/people/{person}", None, json=json, state=state)


@app.command("confirm")
def confirm_faces(album: Album, person: Person, faces: Faces, json: Json = False, state: StateDir = None) -> None:
    """Confirm faces as this person's.

    Example: photofinish people confirm spring-10k PERSON FACE FACE
    """
    _change("POST", album, f"/people/{person}/faces", {"face_ids": faces}, json=json, state=state)


@app.command("reject")
def reject_faces(album: Album, person: Person, faces: Faces, json: Json = False, state: StateDir = None) -> None:
    """Say that faces are not this person's: they never become theirs again.

    Example: photofinish people reject spring-10k PERSON FACE
    """
    _change("POST", album, f"/people/{person}/rejections", {"face_ids": faces}, json=json, state=state)


@app.command("number")
def decide_number(
    album: Album,
    person: Person,
    number: Annotated[str, typer.Argument(help="Bib number.")],
    confirmed: Annotated[bool, typer.Option("--confirm/--reject", help="Whether it is this person's.")] = True,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Say whether a bib number is this person's.

    Example: photofinish people number spring-10k PERSON 2906 --confirm
    """
    path = f"/people/{person}/numbers/{number}"
    _change("PUT", album, path, {"confirmed": confirmed}, json=json, state=state)


def _change(method: str, album: str, path: str, body: Any, *, json: bool, state: Path | None) -> None:
    """Ask for a change, and tell by which number it can be undone."""
    with reported_errors():
        use_deployment(state)
        answer = api_client.in_album(method, album, path, **({} if body is None else {"json": body}))
    show_change(album, answer, json=json)


def show_change(album: str, answer: dict[str, Any], *, json: bool) -> None:
    """Print what a change answered; ends with 1 where something was refused."""
    if json:
        print_json(answer)
    else:
        for face_id, reason in answer.get("refused", {}).items():
            console().print(f"{face_id}: refused, {reason}")
        undo = answer.get("operation_id")
        told = f"done; `photofinish clusters undo {printable(album)} {undo}` takes it back" if undo else "done"
        console().print("nothing changed" if undo is None and "operation_id" in answer else told)
    if answer.get("refused"):
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _upload(target: dict[str, Any], picture: Path) -> None:
    try:
        answer = requests.request(
            target["method"], target["url"], headers=target["headers"], data=picture.read_bytes(), timeout=_TIMEOUT_S
        )
    except requests.exceptions.RequestException as error:
        raise Unavailable(f"{picture} could not be uploaded: {type(error).__name__}") from None
    if not answer.ok:
        raise Unavailable(f"{picture} could not be uploaded: HTTP {answer.status_code}")


def _settled(album: str, person_id: str) -> dict[str, Any]:
    """The person, once every picture was looked at."""
    deadline = time.monotonic() + _SETTLE_TIMEOUT_S
    while True:
        detail = api_client.in_album("GET", album, f"/people/{person_id}")
        if all(upload["status"] != "waiting" for upload in detail["uploads"]):
            return detail
        if time.monotonic() > deadline:
            raise Unavailable(f"the pictures wait longer than {_SETTLE_TIMEOUT_S:.0f} s to be looked at")
        time.sleep(_POLL_S)


def _conflict(conflict: dict[str, Any]) -> str:
    other = conflict["number"] if conflict["kind"] == "other_number" else f"person {conflict['person_id']}"
    return f"{printable(other)} ({conflict['score']:.2f})"
