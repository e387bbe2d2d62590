"""Faces and text of the pictures of one request, which are not stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from photofinish.domain.access import Scope
from photofinish.domain.face import Face
from photofinish.domain.search_results import BestMatch
from photofinish.wiring import App
from photofinish_functions.rekognition.answers import box_json, face_detail, percent
from photofinish_functions.rekognition.calls import (
    DEFAULT_THRESHOLD,
    PICTURE_COST,
    Answer,
    Call,
    Operation,
    album_of_object,
    charge_search,
    faces_in,
    largest_accepted,
    picture_in,
    required_cosine,
)
from photofinish_functions.rekognition.errors import no_faces
from photofinish_functions.rekognition.quality import reasons_against
from photofinish_functions.rekognition.similarity import SimilarityScale
from photofinish_functions.rekognition.text import TEXT_MODEL_VERSION, TextFilters, text_detections


def detect_faces(cloud: App, call: Call) -> Answer:
    faces = faces_in(cloud, picture_in(cloud, call))
    return Answer({"FaceDetails": [face_detail(face) for face in faces]}, count=len(faces))


def compare_faces(cloud: App, call: Call) -> Answer:
    source = largest_accepted(cloud, call, faces_in(cloud, picture_in(cloud, call, "SourceImage")))
    found = faces_in(cloud, picture_in(cloud, call, "TargetImage"))
    quality_filter = call.request.get("QualityFilter", "NONE")
    targets = [face for face in found if not reasons_against(face, quality_filter, cloud.calibration)]
    if not targets:
        raise no_faces()
    scale = SimilarityScale(cloud.calibration)
    similarities = [scale.shown(_cosine(source, target)) for target in targets]
    threshold = call.request.get("SimilarityThreshold", DEFAULT_THRESHOLD)
    stored = [album_of_object(call.request[member]) for member in ("SourceImage", "TargetImage")]
    for album in {album for album in stored if album is not None}:
        # The faces of an album's photo are compared as a search compares them.
        threshold = max(threshold, scale.shown(required_cosine(cloud, call, album, "SimilarityThreshold")))
    order = sorted(range(len(targets)), key=lambda index: -similarities[index])
    matches = [index for index in order if similarities[index] >= threshold]
    for index in matches:
        for stored_in, face, query in ((stored[0], source, targets[index]), (stored[1], targets[index], source)):
            if stored_in is not None:
                best = BestMatch(face_id=_stored_face_id(face), similarity=_cosine(source, targets[index]))
                charge_search(cloud, call, stored_in, [query.embedding.vector.tobytes()], best)
    return Answer(
        {
            "SourceImageFace": {"BoundingBox": box_json(source.box), "Confidence": percent(source.detection_score)},
            "FaceMatches": [
                {"Similarity": similarities[index], "Face": face_detail(targets[index])} for index in matches
            ],
            "UnmatchedFaces": _unmatched(targets, set(matches)),
        },
        count=len(matches),
    )


def detect_text(cloud: App, call: Call) -> Answer:
    [lines] = cloud.text_reader.read([picture_in(cloud, call).pixels])
    filters: Mapping[str, Any] = call.request.get("Filters", {})
    detections = text_detections(lines, TextFilters.of(filters))
    return Answer({"TextDetections": detections, "TextModelVersion": TEXT_MODEL_VERSION}, count=len(detections))


def _cosine(one: Face, other: Face) -> float:
    return float(np.dot(one.embedding.vector, other.embedding.vector))


def _stored_face_id(face: Face) -> str:
    """An id of a face of an album's photo; the same for each request."""
    return hashlib.sha256(face.embedding.vector.tobytes()).hexdigest()


def _unmatched(targets: Sequence[Face], matched: set[int]) -> list[dict[str, Any]]:
    return [face_detail(face) for index, face in enumerate(targets) if index not in matched]


OPERATIONS = {
    "DetectFaces": Operation(detect_faces, Scope.SEARCH, PICTURE_COST),
    "CompareFaces": Operation(compare_faces, Scope.SEARCH, 2 * PICTURE_COST),
    "DetectText": Operation(detect_text, Scope.SEARCH, PICTURE_COST),
}
