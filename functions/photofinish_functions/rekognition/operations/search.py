"""Faces of a collection that look like another, best first."""

from __future__ import annotations

from typing import Any

from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.access import Scope
from photofinish.domain.face import Embedding
from photofinish_functions.rekognition.answers import box_json, face_model_version, percent
from photofinish_functions.rekognition.calls import (
    DEFAULT_THRESHOLD,
    PICTURE_COST,
    Answer,
    Call,
    Operation,
    faces_in,
    largest_passing,
)
from photofinish_functions.rekognition.errors import face_not_in_collection
from photofinish_functions.rekognition.operations.faces import described
from photofinish_functions.rekognition.services import Services

DEFAULT_MAX_FACES = 100


def search_faces(services: Services, call: Call) -> Answer:
    collection = call.existing_collection(services)
    searched: str = call.request["FaceId"]
    query = services.index.embeddings(collection, [searched]).get(searched)
    if query is None:
        raise face_not_in_collection()
    matches = _matches(services, call, collection, query, without=searched)
    return Answer(
        {
            "SearchedFaceId": searched,
            "FaceMatches": matches,
            "FaceModelVersion": face_model_version(services.embedding_space),
        },
        target=searched,
        count=len(matches),
    )


def search_faces_by_image(services: Services, call: Call) -> Answer:
    collection = call.existing_collection(services)
    faces, _ = faces_in(services, call)
    searched = largest_passing(services, call, faces)
    matches = _matches(services, call, collection, searched.embedding)
    return Answer(
        {
            "SearchedFaceBoundingBox": box_json(searched.box),
            "SearchedFaceConfidence": percent(searched.detection_score),
            "FaceMatches": matches,
            "FaceModelVersion": face_model_version(services.embedding_space),
        },
        count=len(matches),
    )


def _matches(
    services: Services, call: Call, collection: str, query: Embedding, *, without: str | None = None
) -> list[dict[str, Any]]:
    limit = call.request.get("MaxFaces", DEFAULT_MAX_FACES)
    min_similarity = services.similarity.cosine(call.request.get("FaceMatchThreshold", DEFAULT_THRESHOLD))
    # The face that is searched for is its own best match.
    found = most_similar_faces(services.index, collection, [query], limit=limit + 1, min_similarity=min_similarity)
    found = [match for match in found if match.face.face_id != without][:limit]
    faces = services.collections.faces(collection, limit=len(found), face_ids=[match.face.face_id for match in found])
    shown = {face["FaceId"]: face for face in described(services, collection, faces)}
    # One that was deleted since the search is not shown.
    return [
        {
            "Similarity": round(services.similarity.similarity(match.similarity), 4),
            "Face": shown[match.face.face_id],
        }
        for match in found
        if match.face.face_id in shown
    ]


OPERATIONS = {
    "SearchFaces": Operation(search_faces, Scope.SEARCH),
    "SearchFacesByImage": Operation(search_faces_by_image, Scope.SEARCH, PICTURE_COST),
}
