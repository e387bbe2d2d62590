"""Which faces of the album are a person's: theirs, those that look like them, and what somebody decided."""

from __future__ import annotations

from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.access import Scope
from photofinish.domain.face import Embedding
from photofinish.domain.matching import match_probability
from photofinish.domain.people import ChangedFaces, FaceSource, Person
from photofinish.ports import IndexedFace, PersonFace
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.people import MAX_FACES, FaceIds, PersonPath, known, people_blueprint
from photofinish_functions.api.schemas import BoxJson, Input, Output, Parameters, PhotoJson, box_json, score_json
from photofinish_functions.api.services import Services

MAX_PAGE = 200


class MatchesQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Faces at most, of each kind.")] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000, description="Of the person's faces; 0 also suggests others.")] = 0
    min_similarity: float | None = Field(
        None, ge=-1, le=1, description="Of suggestions; else that from which faces count as one person's."
    )


class SomeFaces(Input):
    face_ids: FaceIds


class FaceJson(Output):
    face_id: str
    photo: PhotoJson
    box: BoxJson
    quality: float
    similarity: float | None = Field(description="Cosine to the centroid of the person's faces.")
    probability: float | None = Field(
        description="That two faces of this similarity are one person's, were either equally likely beforehand."
    )


class OwnFace(FaceJson):
    source: FaceSource = Field(description="`clustered`: by similarity; else somebody decided it.")


class SuggestedFace(FaceJson):
    person_id: str | None = Field(description="To whom clustering gave it so far.")


class Matches(Output):
    faces: list[OwnFace] = Field(description="Confirmed ones first, then the best.")
    suggested: list[SuggestedFace] = Field(description="The most similar of others' and nobody's faces.")
    min_similarity: float = Field(description="From here on two faces count as one person's.")


class ChangedFacesJson(Output):
    changed: list[str]
    refused: dict[str, str] = Field(description="Face id to reason: `unknown_face` or `other_person`.")
    operation_id: int | None = Field(description="By which it can be undone; null where nothing changed.")


def blueprint(services: Services) -> APIBlueprint:
    api = people_blueprint("matches")

    @api.get("/albums/<album>/people/<person_id>/matches", responses={200: Matches})
    @guarded(Scope.SEARCH, "list_matches")
    def matches(path: PersonPath, query: MatchesQuery) -> dict[str, Any]:
        """The faces of a person, and others' and nobody's that look like them."""
        found = known(services, path.album, path.person_id)
        own = services.people_changes.faces(path.album, path.person_id, limit=query.limit, offset=query.offset)
        looks = [
            look
            for look in services.people.embeddings(path.album, path.person_id)
            if look.space == services.embedding_space
        ]
        calibration = services.pictures.calibration
        least = calibration.min_similarity if query.min_similarity is None else query.min_similarity
        suggested = _suggested(services, path.album, found, looks, query.limit, least) if query.offset == 0 else []
        answer = Matches(
            faces=_own_faces(services, path.album, own, looks),
            suggested=suggested,
            min_similarity=calibration.min_similarity,
        )
        audit(target=path.person_id, count=len(answer.faces) + len(answer.suggested))
        return answer.model_dump(mode="json")

    @api.post("/albums/<album>/people/<person_id>/faces", responses={200: ChangedFacesJson})
    @guarded(Scope.WRITE, "confirm_faces")
    def confirm_faces(path: PersonPath, body: SomeFaces) -> dict[str, Any]:
        """Confirm faces of the album as this person's; later searches and clusterings build on that."""
        known(services, path.album, path.person_id)
        done = services.people_changes.confirm(path.album, path.person_id, body.face_ids, by=principal().id)
        return _changed(services, path, done)

    @api.post("/albums/<album>/people/<person_id>/rejections", responses={200: ChangedFacesJson})
    @guarded(Scope.WRITE, "reject_faces")
    def reject_faces(path: PersonPath, body: SomeFaces) -> dict[str, Any]:
        """Say that faces are not this person's: they are never theirs again, unless somebody confirms them."""
        known(services, path.album, path.person_id)
        done = services.people_changes.reject(path.album, path.person_id, body.face_ids, by=principal().id)
        return _changed(services, path, done)

    return api


def _changed(services: Services, path: PersonPath, done: ChangedFaces) -> dict[str, Any]:
    audit(target=path.person_id, count=len(done.changes.changed))
    services.projector.project_soon(path.album)
    return ChangedFacesJson(
        changed=list(done.changes.changed), refused=dict(done.changes.refused), operation_id=done.operation_id
    ).model_dump(mode="json")


def _own_faces(services: Services, album: str, faces: list[PersonFace], looks: list[Embedding]) -> list[OwnFace]:
    embeddings = services.index.embeddings(album, [one.face.face_id for one in faces])
    return [
        OwnFace(**_face(services, one.face, _similarity(embeddings.get(one.face.face_id), looks)), source=one.source)
        for one in faces
    ]


def _suggested(
    services: Services, album: str, person: Person, looks: list[Embedding], limit: int, min_similarity: float
) -> list[SuggestedFace]:
    """The most similar faces that are not the person's, nor rejected, nor decided to be another's."""
    if not looks:
        return []
    rejected = services.people_changes.rejected(album, person.person_id)
    # Their own and rejected ones are found as well.
    count = limit + min(person.face_count + len(rejected), MAX_FACES)
    found = most_similar_faces(services.index, album, looks, limit=count, min_similarity=min_similarity)
    owners = services.people_changes.owners(album, [match.face.face_id for match in found])
    suggested = []
    for match in found:
        owner, source = owners.get(match.face.face_id, (None, None))
        if match.face.face_id in rejected or owner == person.person_id:
            continue
        if source in (None, FaceSource.CLUSTERED):
            suggested.append(SuggestedFace(**_face(services, match.face, match.similarity), person_id=owner))
    return suggested[:limit]


def _similarity(embedding: Embedding | None, looks: list[Embedding]) -> float | None:
    if embedding is None:
        return None
    return next((float(look.vector @ embedding.vector) for look in looks if look.space == embedding.space), None)


def _face(services: Services, face: IndexedFace, similarity: float | None) -> dict[str, Any]:
    """The fields of a :class:`FaceJson`."""
    probability = None if similarity is None else match_probability(similarity, services.pictures.calibration)
    return {
        "face_id": face.face_id,
        "photo": PhotoJson.of(face.photo),
        "box": box_json(face.box),
        "quality": score_json(face.quality),
        "similarity": None if similarity is None else score_json(similarity),
        "probability": None if probability is None else score_json(probability),
    }
