"""`photofinish clusters`: cluster faces into people; merge, split, history, undo."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from photofinish.domain.photo import album_name
from photofinish.errors import NotFound, Unavailable
from photofinish.wiring import model_settings
from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.commands.people import Faces, Person, show_change
from photofinish_cli.deployment import Json, StateDir, connect, use_deployment
from photofinish_cli.output import counted, print_json, print_tables, remark, reported_errors, table
from photofinish_cli.person_ids import whole_person_id
from photofinish_cli.times import local_time

_TURN_TIMEOUT_S = 120.0
_POLL_S = 0.5

app = typer.Typer(
    name="clusters", help="Cluster an album's faces into people; merge, split, undo.", no_args_is_help=True
)


@app.command("status")
def show_clustering(album: Album, json: Json = False, state: StateDir = None) -> None:
    """Show the state of an album's clustering, and how often different people look alike in it.

    Example: photofinish clusters status spring-10k
    """
    with reported_errors():
        use_deployment(state)
        _show(api_client.in_album("GET", album, "/clustering"), json=json)


@app.command("run")
def run_clustering(album: Album, json: Json = False, state: StateDir = None) -> None:
    """Cluster an album from scratch now; users' decisions are kept. This also happens once a day.

    Example: photofinish clusters run spring-10k
    """
    # Imported here: the other commands need no clustering.
    from photofinish.analysis.models.selection import known_calibrations
    from photofinish.application.people.clustering import PeopleClustering
    from photofinish.application.people.projection import PeopleProjector

    with reported_errors():
        album = album_name(album)
        cloud = connect(state)
        projector = PeopleProjector(cloud.people_projection, cloud.people_documents)
        clustering = PeopleClustering(cloud.clusters, known_calibrations(model_settings()), publish=projector.project)
        if not cloud.index.has_album(album):
            raise NotFound(f"no photo of an album {album!r} was analysed yet")
        deadline = time.monotonic() + _TURN_TIMEOUT_S
        while not clustering.run_full(album):  # a run triggered by the latest photos is in progress
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"another process has been clustering {album!r} for {_TURN_TIMEOUT_S:.0f} s: try again later"
                )
            time.sleep(_POLL_S)
        _show(api_client.in_album("GET", album, "/clustering"), json=json)


@app.command("merge")
def merge_people(
    album: Album,
    person: Person,
    other: Annotated[str, typer.Argument(help="Id of the other person, which no longer exists afterwards.")],
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Merge two people into one.

    Example: photofinish clusters merge spring-10k PERSON OTHER
    """
    with reported_errors():
        use_deployment(state)
        path = f"/people/{whole_person_id(album, person)}/merge"
        answer = api_client.in_album("POST", album, path, json={"other": whole_person_id(album, other)})
    show_change(album, answer, json=json)


@app.command("split")
def split_person(
    album: Album,
    person: Person,
    faces: Faces,
    name: Annotated[str | None, typer.Option("--name", help="Of the new person.")] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Move some faces of a person to a new person.

    Example: photofinish clusters split spring-10k PERSON FACE FACE --name "Grace Hopper"
    """
    with reported_errors():
        use_deployment(state)
        body = {"face_ids": faces, "name": name}
        path = f"/people/{whole_person_id(album, person)}/split"
        answer = api_client.in_album("POST", album, path, json=body)
    show_change(album, answer, json=json)


@app.command("history")
def list_operations(
    album: Album,
    limit: Annotated[int, typer.Option(help="Maximum number of changes.", min=1, max=200)] = 20,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """List the changes of the album's people, newest first.

    Example: photofinish clusters history spring-10k
    """
    with reported_errors():
        use_deployment(state)
        answer = api_client.in_album("GET", album, "/people-operations", params={"limit": limit})
        if json:
            print_json(answer)
            return
    shown = table("operation", "what", "when", "by", "people", "undone", right=["operation", "people"])
    for done in answer["operations"]:
        undone = f"by {done['undone_by']}" if done["undone_by"] else "" if done["is_reversible"] else "cannot be"
        what = f"{done['kind']} of {done['undoes']}" if done["undoes"] else done["kind"]
        shown.add_row(
            str(done["operation_id"]),
            what,
            local_time(done["done_at"]),
            done["done_by"],
            str(len(done["person_ids"])),
            undone,
        )
    print_tables(shown, empty="nothing was changed yet")


@app.command("undo")
def undo_operation(
    album: Album,
    operation: Annotated[int, typer.Argument(help="Number of the change, as `clusters history` shows it.", min=1)],
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Undo a change, unless a newer one depends on it.

    Example: photofinish clusters undo spring-10k 12
    """
    with reported_errors():
        use_deployment(state)
        answer = api_client.in_album("POST", album, f"/people-operations/{operation}/undo")
    show_change(album, answer, json=json)


def _show(answer: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(answer)
        return
    people, on_photos = answer["people"], answer["people_on_photos"]
    remark(
        f"{counted(people, 'person', 'people')}, {on_photos} of them on photos with "
        f"{counted(answer['assigned_faces'], 'face')}; the last run saw {counted(answer['faces'] or 0, 'face')}"
    )
    remark(
        f"last run {local_time(answer['ran_at']) or 'never'}, from scratch {local_time(answer['full_at']) or 'never'}"
    )
    if answer["is_waiting"]:
        remark("something changed since: it is clustered within minutes")
    shown = table(
        "embedding space", "same person from", "false match rate", "strangers compared", right=["strangers compared"]
    )
    for name, space in answer["spaces"].items():
        shown.add_row(
            name,
            f"{space['min_similarity']:.3f}",
            f"below {space['false_match_rate_at_most']:.2%}",
            str(space["stranger_pairs"]),
        )
    print_tables(shown)
