"""What is in one picture, or two: nothing of it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from photofinish.domain.access import Scope
from photofinish.domain.face import Face
from photofinish_functions.rekognition.answers import box_json, face_detail, percent
from photofinish_functions.rekognition.calls import (
    DEFAULT_THRESHOLD,
    PICTURE_COST,
    Answer,
    Call,
    Operation,
    faces_in,
    largest_passing,
)
from photofinish_functions.rekognition.errors import no_faces
from photofinish_functions.rekognition.services import Services
from photofinish_functions.rekognition.text import TEXT_MODEL_VERSION, TextFilters, text_detections


def detect_faces(services: Services, call: Call) -> Answer:
    faces, _ = faces_in(services, call)
    return Answer({"FaceDetails": [face_detail(face) for face in faces]}, count=len(faces))


def compare_faces(services: Services, call: Call) -> Answer:
    sources, _ = faces_in(services, call, "SourceImage")
    source = largest_passing(services, call, sources)
    found, _ = faces_in(services, call, "TargetImage")
    quality_filter = call.request.get("QualityFilter", "NONE")
    targets = [face for face in found if not services.quality.reasons_against(face, quality_filter)]
    if not targets:
        raise no_faces()
    similarities = [services.similarity.similarity(_cosine(source, target)) for target in targets]
    threshold = call.request.get("SimilarityThreshold", DEFAULT_THRESHOLD)
    order = sorted(range(len(targets)), key=lambda index: -similarities[index])
    matches = [index for index in order if similarities[index] >= threshold]
    return Answer(
        {
            "SourceImageFace": {"BoundingBox": box_json(source.box), "Confidence": percent(source.detection_score)},
            "FaceMatches": [
                {"Similarity": round(similarities[index], 4), "Face": face_detail(targets[index])} for index in matches
            ],
            "UnmatchedFaces": _unmatched(targets, set(matches)),
        },
        count=len(matches),
    )


def detect_text(services: Services, call: Call) -> Answer:
    picture = services.pictures.read(call.request["Image"], call.principal)
    [lines] = services.reader.read([picture.pixels])
    filters: Mapping[str, Any] = call.request.get("Filters", {})
    detections = text_detections(lines, TextFilters.of(filters))
    return Answer({"TextDetections": detections, "TextModelVersion": TEXT_MODEL_VERSION}, count=len(detections))


def _cosine(one: Face, other: Face) -> float:
    return float(np.dot(one.embedding.vector, other.embedding.vector))


def _unmatched(targets: Sequence[Face], matched: set[int]) -> list[dict[str, Any]]:
    return [face_detail(face) for index, face in enumerate(targets) if index not in matched]


OPERATIONS = {
    "DetectFaces": Operation(detect_faces, Scope.SEARCH, PICTURE_COST),
    "CompareFaces": Operation(compare_faces, Scope.SEARCH, 2 * PICTURE_COST),
    "DetectText": Operation(detect_text, Scope.SEARCH, PICTURE_COST),
}
