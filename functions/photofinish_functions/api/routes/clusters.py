"""Clusters of an album: where clustering stands, merge, split, what was changed, undo."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.errors import ErrorAnswer
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.people import (
    ChangedPerson,
    FaceIds,
    Name,
    PersonId,
    PersonPath,
    changed_person,
    known,
)
from photofinish_functions.api.schemas import AlbumName, AlbumPath, Input, Output, Parameters, new_blueprint
from photofinish_functions.api.services import Services
from photofinish_functions.refused import Refused

MAX_PAGE = 200
MAX_OPERATION = 2**63 - 1


class Merging(Input):
    other: PersonId = Field(description="Everything of theirs becomes this person's, and they are gone.")


class Splitting(Input):
    face_ids: FaceIds
    name: Name | None = Field(None, description="Of the new person.")


class OperationPath(Parameters):
    album: AlbumName
    operation_id: Annotated[int, Field(ge=1, le=MAX_OPERATION)]


class OperationsQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    before: Annotated[int, Field(ge=1, le=MAX_OPERATION)] | None = Field(
        None, description="`next_before` of the page before."
    )


class SpaceClustering(Output):
    """How sure similarities are in this album, told by pairs of faces of one photo, which are strangers."""

    min_similarity: float = Field(description="From here on two faces count as one person's in this album.")
    single_face_similarity: float = Field(description="What two single faces need, in an album of this size.")
    stranger_pairs: int = Field(description="Pairs that were looked at.")
    false_matches: int = Field(description="Those of them that count as one person's.")
    false_match_rate_at_most: float = Field(description="With 97.5 % certainty.")


class Clustering(Output):
    is_waiting: bool = Field(description="Whether something changed since the last run began.")
    ran_at: datetime | None
    full_at: datetime | None = Field(description="When it last began from scratch.")
    faces: int | None
    people: int | None = Field(description="Of whom faces were found by similarity.")
    spaces: dict[str, SpaceClustering] = Field(description="By embedding space.")


class OperationJson(Output):
    operation_id: int
    kind: str
    done_at: datetime
    done_by: str
    person_ids: list[str]
    is_reversible: bool = Field(description="False where somebody whom it touched was deleted since.")
    undoes: int | None
    undone_by: int | None


class Operations(Output):
    operations: list[OperationJson] = Field(description="Newest first.")
    next_before: int | None


class Undone(Output):
    operation_id: int = Field(description="Of the undo, which can be undone in turn.")


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("clusters", "Who is who by similarity, and what people decided instead.")

    @api.get("/albums/<album>/clustering", responses={200: Clustering})
    @guarded(Scope.SEARCH, "show_clustering")
    def clustering(path: AlbumPath) -> dict[str, Any]:
        """Where an album's clustering stands, and how often strangers look alike in it."""
        state = services.clusters.state(path.album)
        if state is None:
            if not services.index.has_album(path.album):
                raise NotVisible
            raise Refused(404, "not_clustered", "No photo of this album was clustered yet.")
        summary = dict(state.summary or {})
        return Clustering(
            is_waiting=state.requested > state.handled,
            ran_at=state.ran_at,
            full_at=state.full_at,
            faces=state.faces,
            people=summary.get("people"),
            spaces={
                name: SpaceClustering.model_validate(space)
                for name, space in summary.items()
                if isinstance(space, dict)
            },
        ).model_dump(mode="json")

    @api.post("/albums/<album>/people/<person_id>/merge", responses={200: ChangedPerson, 409: ErrorAnswer})
    @guarded(Scope.WRITE, "merge_people")
    def merge_people(path: PersonPath, body: Merging) -> dict[str, Any]:
        """Two people are one: the one of the path stays, with everything of the other."""
        audit(target=path.person_id)
        for person_id in (path.person_id, body.other):
            known(services, path.album, person_id)
        done = services.people_changes.merge(path.album, path.person_id, body.other, by=principal().id)
        return changed_person(services, path.album, done)

    @api.post("/albums/<album>/people/<person_id>/split", responses={200: ChangedPerson, 409: ErrorAnswer})
    @guarded(Scope.WRITE, "split_person")
    def split_person(path: PersonPath, body: Splitting) -> dict[str, Any]:
        """Some faces of a person are somebody else's: a new person, who is answered."""
        audit(target=path.person_id, count=len(body.face_ids))
        known(services, path.album, path.person_id)
        done = services.people_changes.split(
            path.album, path.person_id, body.face_ids, name=body.name, by=principal().id
        )
        return changed_person(services, path.album, done)

    @api.get("/albums/<album>/people-operations", responses={200: Operations})
    @guarded(Scope.WRITE, "list_people_operations")
    def operations(path: AlbumPath, query: OperationsQuery) -> dict[str, Any]:
        """What was changed of the album's people."""
        found = services.people_changes.operations(path.album, limit=query.limit + 1, before=query.before)
        if not found and not services.index.has_album(path.album):
            raise NotVisible
        shown = found[: query.limit]
        audit(count=len(shown))
        return Operations(
            operations=[OperationJson.model_validate(done) for done in shown],
            next_before=shown[-1].operation_id if len(found) > query.limit else None,
        ).model_dump(mode="json")

    @api.post("/albums/<album>/people-operations/<operation_id>/undo", responses={200: Undone, 409: ErrorAnswer})
    @guarded(Scope.WRITE, "undo_people_operation")
    def undo_operation(path: OperationPath) -> dict[str, Any]:
        """Take a change back, unless something newer depends on it."""
        audit(target=str(path.operation_id))
        undo_id = services.people_changes.undo(path.album, path.operation_id, by=principal().id)
        services.projector.project_soon(path.album)
        return Undone(operation_id=undo_id).model_dump(mode="json")

    return api
