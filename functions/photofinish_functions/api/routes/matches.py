"""Routes of a person's faces: list and suggest them, confirm and reject them."""

from __future__ import annotations

from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, TypeAdapter

from photofinish.application.people.matches import find_matches
from photofinish.domain.access import Scope
from photofinish.domain.matching import match_probability
from photofinish.domain.people import ChangedFaces, FaceSource
from photofinish.wiring import App
from photofinish_functions.api.albums import count_faces
from photofinish_functions.api.guarding import audit, face_search, guarded, principal, probing
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, position
from photofinish_functions.api.people import FaceIds, PersonPath, people_blueprint, person_query, require_person
from photofinish_functions.api.schemas import BoxJson, Input, Output, Parameters, PhotoJson, Score, deprecated

MAX_PAGE = 200


Offset = Annotated[int, Field(ge=0, le=1_000_000)]
_OFFSET = TypeAdapter[int](Offset)


class MatchesQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="At most so many faces, and as many suggestions.")] = 50
    cursor: Cursor | None = None
    offset: Offset | None = deprecated("cursor", default=None)
    min_similarity: float | None = Field(
        None, ge=-1, le=1, description="Of suggestions: the `min_similarity` of the answer, or more."
    )


class SomeFaces(Input):
    face_ids: FaceIds


class FaceJson(Output):
    face_id: str
    photo: PhotoJson
    box: BoxJson
    quality: Score
    similarity: Score | None = Field(
        description="Cosine to the centroid of the person's faces, in steps; null below `min_similarity`."
    )
    probability: Score | None = Field(
        description="That faces of this similarity are one person's, given even odds beforehand."
    )


class OwnFace(FaceJson):
    source: FaceSource = Field(description="`clustered`: assigned by similarity; else decided by a user.")


class SuggestedFace(FaceJson):
    person_id: str | None = Field(description="The person that clustering assigned it to; null for none.")


class Matches(Output):
    faces: list[OwnFace] = Field(description="Confirmed ones first, then by falling quality.")
    suggested: list[SuggestedFace] = Field(
        description="Similar faces that are unassigned or assigned to others by similarity; only on the first page."
    )
    next_cursor: str | None = next_cursor()
    min_similarity: float = Field(description="At this similarity or above two faces count as one person's.")


class ChangedFacesJson(Output):
    changed: list[str]
    refused: dict[str, str] = Field(description="Face id to reason: `unknown_face` or `other_person`.")
    operation_id: int | None = Field(description="The operation to undo it with; null where nothing changed.")


def blueprint(services: App) -> APIBlueprint:
    api = people_blueprint("matches")

    @api.get("/albums/<album>/people/<person_id>/matches", responses={200: Matches})
    @guarded(Scope.SEARCH, "list_matches", by_faces=True)
    def list_matches(path: PersonPath, query: MatchesQuery) -> dict[str, Any]:
        """List the faces of a person, and suggest similar faces that may be theirs."""
        calibration = services.calibration
        person = require_person(services, path.album, path.person_id)
        listing = ("matches", path.album, path.person_id, query.min_similarity)
        search = face_search(path.album)
        only_certain = probing().admit(search)
        offset = position(listing, query.cursor, query.offset, _OFFSET) or 0
        found = find_matches(
            person,
            people=services.people,
            index=services.index,
            space=services.embedding_space,
            calibration=calibration,
            limit=query.limit,
            offset=offset,
            min_similarity=query.min_similarity,
            only_certain=only_certain,
        )
        probing().charge(
            search,
            person_query(services, path.album, path.person_id),
            found.best_matches,
            calibration,
            count_faces=lambda: count_faces(services, path.album),
        )
        answer = Matches(
            faces=[
                OwnFace.from_object(one.face, **_derived(services, one.similarity), source=one.source)
                for one in found.own
            ],
            suggested=[
                SuggestedFace.from_object(one.face, **_derived(services, one.similarity), person_id=one.person_id)
                for one in found.suggested
            ],
            next_cursor=cursor_after(listing, offset + query.limit) if found.has_more else None,
            min_similarity=calibration.min_similarity,
        )
        audit(target=path.person_id, count=len(answer.faces) + len(answer.suggested))
        return answer.model_dump(mode="json")

    @api.post("/albums/<album>/people/<person_id>/faces", responses={200: ChangedFacesJson})
    @guarded(Scope.WRITE, "confirm_faces")
    def confirm_faces(path: PersonPath, body: SomeFaces) -> dict[str, Any]:
        """Confirm faces of the album as this person's; later searches and clustering runs build on them."""
        done = services.people_changes.confirm(path.album, path.person_id, body.face_ids, by=principal().id)
        return _changed(services, path, done)

    @api.post("/albums/<album>/people/<person_id>/rejections", responses={200: ChangedFacesJson})
    @guarded(Scope.WRITE, "reject_faces")
    def reject_faces(path: PersonPath, body: SomeFaces) -> dict[str, Any]:
        """Reject faces for this person: they are not assigned to the person again, unless confirmed."""
        done = services.people_changes.reject(path.album, path.person_id, body.face_ids, by=principal().id)
        return _changed(services, path, done)

    return api


def _changed(services: App, path: PersonPath, done: ChangedFaces) -> dict[str, Any]:
    audit(target=path.person_id, count=len(done.changes.changed))
    services.projector.project_soon(path.album)
    return ChangedFacesJson(
        changed=list(done.changes.changed), refused=dict(done.changes.refused), operation_id=done.operation_id
    ).model_dump(mode="json")


def _derived(services: App, similarity: float | None) -> dict[str, float | None]:
    """The fields of a :class:`FaceJson` that the face itself does not have."""
    probability = None if similarity is None else match_probability(similarity, services.calibration)
    return {"similarity": similarity, "probability": probability}
