"""`photofinish people`: who is on an album's photos: enrol, name, confirm, reject, delete."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from photofinish.errors import NotFound, Unavailable
from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.enrolling import settled_person, upload_picture
from photofinish_cli.output import (
    ExitCode,
    counted,
    print_error,
    print_json,
    print_tables,
    printable,
    remark,
    reported_errors,
    say,
    table,
)
from photofinish_cli.person_ids import all_people, beginning_chars, whole_person_id
from photofinish_cli.progress import progress_bar
from photofinish_cli.questions import require_yes

Person = Annotated[str, typer.Argument(help="Person id, as `people list` shows it, or its first characters.")]
Faces = Annotated[list[str], typer.Argument(help="Face ids of the album, as `people show` and `show` tell them.")]

app = typer.Typer(name="people", help="Who is on an album's photos: people enrolled or found.", no_args_is_help=True)


@app.command("list")
def list_people(
    album: Album,
    name: Annotated[str | None, typer.Option("--name", help="Only people whose name has these words.")] = None,
    named: Annotated[
        bool | None, typer.Option("--named/--clusters", help="Only people with a name, or without.")
    ] = None,
    limit: Annotated[int, typer.Option(help="People at most.", min=1)] = 50,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", metavar="FILE", help="Write a .jpg, .png or .webp with a face of each of them."),
    ] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """The people of an album, those with most faces first, with the bib numbers they wear and the photo of their cover.

    Examples:

      photofinish people list spring-10k --named

      photofinish people list spring-10k --sheet people.jpg
    """
    given = {"name": name, "named": None if named is None else str(named).lower()}
    with reported_errors():
        use_deployment(state)
        query = {what: value for what, value in given.items() if value is not None}
        listed = list(islice(all_people(album, **query), limit + 1))
        people = listed[:limit]
        if json:
            print_json({"people": people, "has_more": len(listed) > limit})
        else:
            _show_people(album, people)
            if len(listed) > limit:
                remark(f"there are more: give --limit to list more than {limit}")
        if sheet is not None:
            _write_sheet(people, sheet, plain=json)


def _show_people(album: str, people: Sequence[Mapping[str, Any]]) -> None:
    numbers = ["faces", "confirmed", "enrolled"]
    shown = table("person", "name", "bibs", *numbers, "cover", right=numbers, whole=["person"])
    is_terminal = sys.stdout.isatty()
    id_chars = beginning_chars([person["person_id"] for person in people]) if is_terminal else None
    for person in people:
        cover = person["cover"]
        shown.add_row(
            person["person_id"][:id_chars],
            printable(person["name"] or "–"),
            printable(" ".join(person["bib_numbers"]) or "–"),
            *(str(person[f"{what}_count"]) for what in ("face", "confirmed", "enrolled")),
            printable(cover["photo"]["name"].removeprefix(f"{album}/")) if cover else "–",
        )
    print_tables(shown, empty="no people yet: they are found within seconds after photos are analysed")


def _write_sheet(people: Sequence[Mapping[str, Any]], file: Path, *, plain: bool) -> None:
    from photofinish_cli import pictures  # imported here: only drawing needs what these import
    from photofinish_cli.people_sheet import people_sheet

    pictures.check_picture_file(file)
    if not people:
        raise NotFound("there is no one to draw: the list is empty")
    with progress_bar("drawing", len(people), unit="people", plain=plain) as bar:
        sheet, missing = people_sheet(people, pictures.downloaded, on_done=bar.advance)
    pictures.write_picture(file, sheet)
    remark(f"{counted(len(people), 'person', 'people')} drawn into {printable(str(file))}")
    if missing:
        raise Unavailable(f"{counted(missing, 'cover')} could not be fetched; their places on the sheet are empty")


@app.command("show")
def show_person(album: Album, person: Person, json: Json = False, state: StateDir = None) -> None:
    """One person: their enrolment pictures, bib numbers, faces, and faces that look like theirs.

    Example: photofinish people show spring-10k 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f
    """
    with reported_errors():
        use_deployment(state)
        path = f"/people/{whole_person_id(album, person)}"
        detail = api_client.in_album("GET", album, path)
        matches = api_client.in_album("GET", album, f"{path}/matches")
        if json:
            print_json(detail | matches)
            return
    remark(f"{printable(detail['name'] or 'a cluster without a name')}   {counted(detail['face_count'], 'face')}")
    tables = []
    if detail["uploads"]:
        uploads = table("enrolment picture", "status", "why", whole=["enrolment picture"])
        for upload in detail["uploads"]:
            uploads.add_row(upload["upload_id"], upload["status"], upload["message"] or "")
        tables.append(uploads)
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
        tables.append(numbers)
    scores = ["similarity", "probability"]
    faces = table("face", "photo", "is theirs", *scores, right=scores, whole=["face"])
    for face in matches["faces"] + matches["suggested"]:
        faces.add_row(
            face["face_id"],
            printable(face["photo"]["name"]),
            face.get("source", "perhaps"),
            *("" if face[score] is None else f"{face[score]:.3f}" for score in scores),
        )
    print_tables(*tables, faces)


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
            upload_picture(target, picture)
        detail = settled_person(album, made["person"]["person_id"])
        is_enrolled = any(upload["status"] == "accepted" for upload in detail["uploads"])
        if not is_enrolled:
            api_client.in_album("DELETE", album, f"/people/{detail['person_id']}")
    files = {target["upload_id"]: str(picture) for target, picture in zip(made["uploads"], pictures, strict=True)}
    if json:
        print_json(detail)
    else:
        shown = table("picture", "status", "why")
        for upload in detail["uploads"]:
            shown.add_row(printable(files[upload["upload_id"]]), upload["status"], upload["message"] or "")
        print_tables(shown)
        if is_enrolled:
            remark(f"{printable(name)} is {detail['person_id']}")
        else:
            print_error(f"{printable(name)} was not enrolled: none of the pictures was accepted")
    if not is_enrolled:
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
    _change("PATCH", album, person, "", {"name": name or None}, json=json, state=state)


@app.command("delete")
def delete_person(
    album: Album,
    person: Person,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking, as scripts need it.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Delete a person and the embeddings of their enrolment pictures, for good; the photos stay.

    Asks first; without a terminal it needs --yes.

    Examples:

      photofinish people delete spring-10k 0c6f3b1e

      photofinish people delete spring-10k 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f --yes
    """
    with reported_errors():
        use_deployment(state)
        person_id = whole_person_id(album, person)
        if not yes:
            detail = api_client.in_album("GET", album, f"/people/{person_id}")
            require_yes(f"Delete {_in_words(detail)} from {album} for good?")
        answer = api_client.in_album("DELETE", album, f"/people/{person_id}")
    show_change(album, answer, json=json)


@app.command("confirm")
def confirm_faces(album: Album, person: Person, faces: Faces, json: Json = False, state: StateDir = None) -> None:
    """Confirm faces as this person's.

    Example: photofinish people confirm spring-10k PERSON FACE FACE
    """
    _change("POST", album, person, "/faces", {"face_ids": faces}, json=json, state=state)


@app.command("reject")
def reject_faces(album: Album, person: Person, faces: Faces, json: Json = False, state: StateDir = None) -> None:
    """Say that faces are not this person's: they never become theirs again.

    Example: photofinish people reject spring-10k PERSON FACE
    """
    _change("POST", album, person, "/rejections", {"face_ids": faces}, json=json, state=state)


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
    path = f"/numbers/{quote(number, safe='')}"
    _change("PUT", album, person, path, {"confirmed": confirmed}, json=json, state=state)


def _change(method: str, album: str, person: str, path: str, body: Any, *, json: bool, state: Path | None) -> None:
    """Ask for a change of a person, and tell by which number it can be undone."""
    with reported_errors():
        use_deployment(state)
        answer = api_client.in_album(method, album, f"/people/{whole_person_id(album, person)}{path}", json=body)
    show_change(album, answer, json=json)


def show_change(album: str, answer: dict[str, Any], *, json: bool) -> None:
    """Print what a change answered; ends with 1 where something was refused."""
    if json:
        print_json(answer)
    else:
        for face_id, reason in answer.get("refused", {}).items():
            say(f"{face_id}: refused, {reason}")
        undo = answer.get("operation_id")
        told = f"done; `photofinish clusters undo {printable(album)} {undo}` takes it back" if undo else "done"
        say("nothing changed" if undo is None and "operation_id" in answer else told)
    if answer.get("refused"):
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _in_words(person: Mapping[str, Any]) -> str:
    has = f"{counted(person['face_count'], 'face')}, {counted(person['enrolled_count'], 'enrolment picture')}"
    return f"{person['name'] or 'the person without a name'} ({has})"


def _conflict(conflict: dict[str, Any]) -> str:
    other = conflict["number"] if conflict["kind"] == "other_number" else f"person {conflict['person_id']}"
    return f"{printable(other)} ({conflict['score']:.2f})"
