"""Search a collection for faces similar to one of its faces, or to the largest face of a picture."""

from __future__ import annotations

from typing import Any

from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.access import Scope
from photofinish.domain.face import Embedding
from photofinish.domain.search_results import BestMatch
from photofinish.wiring import App
from photofinish_functions.rekognition.answers import box_json, face_model_version, percent
from photofinish_functions.rekognition.calls import (
    PICTURE_COST,
    Answer,
    Call,
    Operation,
    charge_search,
    existing_collection,
    faces_in,
    largest_accepted,
    picture_in,
    required_cosine,
)
from photofinish_functions.rekognition.errors import face_not_in_collection
from photofinish_functions.rekognition.operations.faces import described
from photofinish_functions.rekognition.similarity import SimilarityScale

DEFAULT_MAX_FACES = 100


def search_faces(cloud: App, call: Call) -> Answer:
    collection = existing_collection(cloud, call)
    searched: str = call.request["FaceId"]
    query = cloud.index.embeddings(collection, [searched]).get(searched)
    if query is None:
        raise face_not_in_collection()
    matches = _matches(cloud, call, collection, query, searched.encode(), without=searched)
    return Answer(
        {
            "SearchedFaceId": searched,
            "FaceMatches": matches,
            "FaceModelVersion": face_model_version(cloud.embedding_space),
        },
        target=searched,
        count=len(matches),
    )


def search_faces_by_image(cloud: App, call: Call) -> Answer:
    collection = existing_collection(cloud, call)
    searched = largest_accepted(cloud, call, faces_in(cloud, picture_in(cloud, call)))
    matches = _matches(cloud, call, collection, searched.embedding, searched.embedding.vector.tobytes())
    return Answer(
        {
            "SearchedFaceBoundingBox": box_json(searched.box),
            "SearchedFaceConfidence": percent(searched.detection_score),
            "FaceMatches": matches,
            "FaceModelVersion": face_model_version(cloud.embedding_space),
        },
        count=len(matches),
    )


def _matches(
    cloud: App,
    call: Call,
    collection: str,
    query: Embedding,
    distinguished_by: bytes,
    *,
    without: str | None = None,
) -> list[dict[str, Any]]:
    limit = call.request.get("MaxFaces", DEFAULT_MAX_FACES)
    scale = SimilarityScale(cloud.calibration)
    # The query face is its own best match.
    found = most_similar_faces(
        cloud.index,
        collection,
        [query],
        limit=limit + 1,
        min_similarity=required_cosine(cloud, call, collection, "FaceMatchThreshold"),
        rounded_by=cloud.calibration,
    )
    found = [match for match in found if match.face.face_id != without][:limit]
    best = BestMatch(face_id=found[0].face.face_id, similarity=found[0].similarity) if found else None
    charge_search(cloud, call, collection, [distinguished_by], best)
    faces = cloud.collections.faces(collection, limit=len(found), face_ids=[match.face.face_id for match in found])
    shown = {face["FaceId"]: face for face in described(cloud, collection, faces)}
    # A face may have been deleted since the search.
    return [
        {"Similarity": scale.shown(match.similarity), "Face": shown[match.face.face_id]}
        for match in found
        if match.face.face_id in shown
    ]


OPERATIONS = {
    "SearchFaces": Operation(search_faces, Scope.SEARCH),
    "SearchFacesByImage": Operation(search_faces_by_image, Scope.SEARCH, PICTURE_COST),
}
