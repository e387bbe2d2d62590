"""Routes of an album's clustering: its state, merge, split, the history of changes, undo."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, TypeAdapter

from photofinish.domain.access import Scope
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, page_of, position
from photofinish_functions.api.people import (
    ChangedPerson,
    FaceIds,
    Name,
    PersonId,
    PersonPath,
    changed_person,
)
from photofinish_functions.api.schemas import AlbumName, AlbumPath, Input, Output, Parameters, deprecated, new_blueprint
from photofinish_functions.refused import Refused

MAX_PAGE = 200
MAX_OPERATION = 2**63 - 1


class Merging(Input):
    other: PersonId = Field(description="Everything of this other person is moved, then they are deleted.")


class Splitting(Input):
    face_ids: FaceIds
    name: Name | None = Field(None, description="The new person's name.")


OperationId = Annotated[int, Field(ge=1, le=MAX_OPERATION)]
_OPERATION_ID = TypeAdapter[int](OperationId)


class OperationPath(Parameters):
    album: AlbumName
    operation_id: OperationId


class OperationsQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    cursor: Cursor | None = None
    before: OperationId | None = deprecated("cursor", default=None)


class SpaceClustering(Output):
    """Calibration of similarities in this album, from pairs of faces of one photo, which are strangers."""

    min_similarity: float = Field(
        description="At this similarity or above two faces of this album count as one person's."
    )
    single_face_similarity: float = Field(
        description="The similarity that joins two single faces, in an album of this size."
    )
    stranger_pairs: int = Field(description="Number of compared pairs.")
    false_matches: int = Field(description="Those of these pairs that count as one person's.")
    false_match_rate_at_most: float = Field(description="Upper bound of the false match rate, with 97.5 % confidence.")


class Clustering(Output):
    is_waiting: bool = Field(description="Whether photos or people changed since the last run began.")
    ran_at: datetime | None
    full_at: datetime | None = Field(description="When the album was last clustered from scratch.")
    faces: int | None = Field(description="Faces that the last run decided on.")
    people: int = Field(description="People of the album now, as many as `GET …/people` lists.")
    people_on_photos: int = Field(description="Those with a face on a photo; the others were only enrolled.")
    assigned_faces: int = Field(description="Faces on photos that are assigned to a person now.")
    spaces: dict[str, SpaceClustering] = Field(description="By embedding space.")


class OperationJson(Output):
    operation_id: int
    kind: str
    done_at: datetime
    done_by: str
    person_ids: list[str]
    is_reversible: bool = Field(description="false where a person that it changed was deleted since.")
    undoes: int | None
    undone_by: int | None


class Operations(Output):
    operations: list[OperationJson] = Field(description="Newest first.")
    next_cursor: str | None = next_cursor()
    next_before: int | None = deprecated("next_cursor")


class Undone(Output):
    operation_id: int = Field(description="The operation of this undo, which can be undone in turn.")


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("clusters", "Clustering of faces by similarity, and decisions that overrule it.")

    @api.get("/albums/<album>/clustering", responses={200: Clustering})
    @guarded(Scope.SEARCH, "show_clustering")
    @fails_with("not_clustered")
    def show_clustering(path: AlbumPath) -> dict[str, Any]:
        """Show the state of an album's clustering, and how often strangers are similar in it."""
        state = services.clusters.state(path.album)
        if state is None:
            check_album(services, path.album)
            raise Refused(404, "not_clustered", "This album was not clustered yet.")
        summary = dict(state.summary or {})
        count = services.people.count(path.album)
        return Clustering(
            is_waiting=state.requested > state.handled,
            ran_at=state.ran_at,
            full_at=state.full_at,
            faces=state.faces,
            people=count.people,
            people_on_photos=count.on_photos,
            assigned_faces=count.assigned_faces,
            spaces={
                name: SpaceClustering.model_validate(space)
                for name, space in summary.items()
                if isinstance(space, dict)
            },
        ).model_dump(mode="json")

    @api.post("/albums/<album>/people/<person_id>/merge", responses={200: ChangedPerson})
    @guarded(Scope.WRITE, "merge_people")
    @fails_with("same_person", "two_users", "rejected_faces")
    def merge_people(path: PersonPath, body: Merging) -> dict[str, Any]:
        """Merge another person into this one."""
        audit(target=path.person_id)
        done = services.people_changes.merge(path.album, path.person_id, body.other, by=principal().id)
        return changed_person(services, path.album, done)

    @api.post("/albums/<album>/people/<person_id>/split", responses={200: ChangedPerson})
    @guarded(Scope.WRITE, "split_person")
    @fails_with("not_theirs", "nothing_left", "invalid_value", "person_name_not_allowed")
    def split_person(path: PersonPath, body: Splitting) -> dict[str, Any]:
        """Move some faces of a person to a new person, and return the new person."""
        audit(target=path.person_id, count=len(body.face_ids))
        done = services.people_changes.split(
            path.album, path.person_id, body.face_ids, name=body.name, by=principal().id
        )
        return changed_person(services, path.album, done)

    @api.get("/albums/<album>/people-operations", responses={200: Operations})
    @guarded(Scope.WRITE, "list_people_operations")
    def list_people_operations(path: AlbumPath, query: OperationsQuery) -> dict[str, Any]:
        """List the changes of the album's people."""
        listing = ("operations", path.album)
        before = position(listing, query.cursor, query.before, _OPERATION_ID)
        found = services.people_changes.operations(path.album, limit=query.limit + 1, before=before)
        if not found:
            check_album(services, path.album)
        shown, last = page_of(found, query.limit, lambda one: one.operation_id)
        audit(count=len(shown))
        return Operations(
            operations=[OperationJson.model_validate(done) for done in shown],
            next_cursor=cursor_after(listing, last),
            next_before=last,
        ).model_dump(mode="json")

    @api.post("/albums/<album>/people-operations/<operation_id>/undo", responses={200: Undone})
    @guarded(Scope.WRITE, "undo_people_operation")
    @fails_with("already_undone", "not_reversible", "changed_since")
    def undo_operation(path: OperationPath) -> dict[str, Any]:
        """Undo a change, unless a later change depends on it."""
        audit(target=str(path.operation_id))
        undo_id = services.people_changes.undo(path.album, path.operation_id, by=principal().id)
        services.projector.project_soon(path.album)
        return Undone(operation_id=undo_id).model_dump(mode="json")

    return api
