"""Faces without an album: compare two pictures, embed a batch, re-rank candidates."""

from __future__ import annotations

import base64
import time
from typing import Annotated, Any, cast

import cv2
import numpy as np
from flask import request
from flask_openapi3.blueprint import APIBlueprint
from numpy.typing import NDArray
from pydantic import Field

from photofinish.application.pictures import SeenPicture
from photofinish.domain.access import Scope
from photofinish.domain.face import Face
from photofinish.domain.matching import match_probability
from photofinish.domain.quality import QualityReason
from photofinish.errors import RejectedInput
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.errors import answer_example, bad_request
from photofinish_functions.api.faces import UsedFace, Vector, unit_vector, vector_base64
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.schemas import (
    AlbumPath,
    BoxJson,
    Input,
    Output,
    Parameters,
    box_json,
    example,
    new_blueprint,
    score_json,
)
from photofinish_functions.api.sent_pictures import sent_pictures
from photofinish_functions.api.services import Services
from photofinish_functions.refused import Refused

MAX_BATCH = 16
MAX_QUERIES = 16
MAX_CANDIDATES = 2000
_ALIGNED_QUALITY = 95


class CompareAnswer(Output):
    model_config = answer_example(
        {
            "similarity": 0.78,
            "match_probability": 0.998,
            "is_match": True,
            "min_similarity": 0.49,
            "embedding_space": "sface-2021dec-2",
            "faces": [
                {"box": [0.26, 0.2, 0.48, 0.58], "detection_score": 0.94, "quality": 0.97, "quality_reasons": []},
                {
                    "box": [0.41, 0.22, 0.12, 0.18],
                    "detection_score": 0.9,
                    "quality": 0.6,
                    "quality_reasons": ["turned"],
                },
            ],
        }
    )

    similarity: float = Field(description="Cosine, -1 to 1; higher is closer.")
    match_probability: float = Field(
        description="That both are one person, where either answer is equally likely beforehand."
    )
    is_match: bool = Field(description="Whether the similarity reaches `min_similarity`.")
    min_similarity: float = Field(description="The embedding space's own: 1 in 1,000 pairs of strangers is above it.")
    embedding_space: str
    faces: list[UsedFace] = Field(description="The face that was used of each picture.")


class EmbeddingsQuery(Parameters):
    aligned: bool = Field(False, description="Send the aligned faces, too: JPEG, 112 × 112 pixels, Base64.")


class EmbeddedFace(Output):
    box: BoxJson
    landmarks: list[list[float]] = Field(
        description="[x, y] of right eye, left eye, nose tip, right and left mouth corner (the person's right)."
    )
    detection_score: float
    sharpness: float
    quality: float
    quality_reasons: list[QualityReason]
    vector: str = Field(description="Base64 of little-endian float32 numbers, of unit length.")
    aligned: str | None = Field(description="Base64 of a JPEG, where it was asked for.")


class PictureError(Output):
    code: str = Field(json_schema_extra=example("not_a_picture"))
    message: str


class PictureTimings(Output):
    decode: float
    analyse: float


class EmbeddedPicture(Output):
    width: int | None = Field(description="Upright; null where there is an error.")
    height: int | None
    faces: list[EmbeddedFace] = Field(description="Largest first.")
    error: PictureError | None = Field(description="Why this picture could not be looked at; the others were.")
    timings_ms: PictureTimings | None


class EmbeddingsAnswer(Output):
    embedding_space: str
    pictures: list[EmbeddedPicture] = Field(description="In the order in which they were sent.")
    total_ms: float


class Candidate(Input):
    id: Annotated[str, Field(max_length=200)] | None = Field(None, description="Yours; comes back with the score.")
    vector: Vector


class RerankBody(Input):
    """Vectors of one embedding space: those of the person who is looked for, and those that a search found."""

    model_config = answer_example(
        {
            "queries": [[0.6, 0.8]],
            "candidates": [{"id": "IMG_1", "vector": [0.8, 0.6]}, {"id": "IMG_2", "vector": "AACAPwAAAAA="}],
        }
    )

    queries: list[Vector] = Field(min_length=1, max_length=MAX_QUERIES)
    candidates: list[Candidate] = Field(min_length=1, max_length=MAX_CANDIDATES)
    k1: int = Field(20, ge=1, le=100, description="Nearest neighbours that speak for a candidate.")
    k2: int = Field(6, ge=1, le=100, description="Neighbours that each encoding is averaged over.")
    lambda_: float = Field(0.3, ge=0, le=1, alias="lambda", description="How much the plain cosine counts.")


class RerankedCandidate(Output):
    index: int = Field(description="Of the candidate in the request.")
    id: str | None
    score: float = Field(description="0 to 1, by the nearest query: how many neighbours they share, and their cosine.")
    similarity: float = Field(description="Cosine to the most similar query.")


class RerankAnswer(Output):
    candidates: list[RerankedCandidate] = Field(description="In falling score, equal ones in the request's order.")


def _files(field: str, least: int, most: int) -> dict[str, Any]:
    """The request body of a route that takes pictures."""
    files = {
        "type": "array",
        "minItems": least,
        "maxItems": most,
        "items": {"type": "string", "format": "binary"},
        "description": "Each at most 16 MiB: JPEG, PNG, WebP, HEIC or TIFF.",
    }
    schema = {"type": "object", "required": [field], "properties": {field: files}, "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("faces", "Faces without an album. Pictures are looked at and forgotten.")
    two_pictures = _files("picture", 2, 2)

    @api.post("/compare", responses={200: CompareAnswer}, openapi_extensions=two_pictures)
    @guarded(Scope.SEARCH, "compare", pictures_cost=2)
    def compare() -> dict[str, Any]:
        """Whether two pictures show one person. For keys of all albums."""
        return _compare(services)

    @api.post("/albums/<album>/compare", responses={200: CompareAnswer}, openapi_extensions=two_pictures)
    @guarded(Scope.SEARCH, "compare", pictures_cost=2)
    def compare_in_album(path: AlbumPath) -> dict[str, Any]:
        """Whether two pictures show one person. For keys of this album; nothing in it is looked at."""
        if not services.index.has_album(path.album):
            raise NotVisible
        return _compare(services)

    @api.post("/embeddings", responses={200: EmbeddingsAnswer}, openapi_extensions=_files("picture", 1, MAX_BATCH))
    @guarded(Scope.SEARCH, "embed", pictures_cost=4)
    def embeddings(query: EmbeddingsQuery) -> dict[str, Any]:
        """The faces of up to 16 pictures with their embeddings. For keys of all albums."""
        started_at = time.perf_counter()
        contents = _only_pictures(MAX_BATCH)
        pictures = [_embedded(services, content, aligned=query.aligned) for content in contents]
        audit(count=sum(len(picture.faces) for picture in pictures))
        return EmbeddingsAnswer(
            embedding_space=services.embedding_space,
            pictures=pictures,
            total_ms=_ms(time.perf_counter() - started_at),
        ).model_dump(mode="json")

    @api.post("/rerank", responses={200: RerankAnswer})
    @guarded(Scope.SEARCH, "rerank")
    def rerank(body: RerankBody) -> dict[str, Any]:
        """Order candidates by what they share with the queries: k-reciprocal re-ranking (Zhong et al. 2017)."""
        from photofinish_kernels import k_reciprocal_distances

        queries = _rows(body.queries, "queries")
        candidates = _rows([candidate.vector for candidate in body.candidates], "candidates", queries.shape[1])
        distances = k_reciprocal_distances(queries, candidates, k1=body.k1, k2=body.k2, lambda_=body.lambda_)
        scores = 1.0 - distances.min(axis=0)
        similarities = (queries @ candidates.T).max(axis=0)
        audit(count=len(candidates))
        return RerankAnswer(
            candidates=[
                RerankedCandidate(
                    index=int(index),
                    id=body.candidates[index].id,
                    score=score_json(float(np.clip(scores[index], 0, 1))),
                    similarity=score_json(float(np.clip(similarities[index], -1, 1))),
                )
                for index in np.argsort(-scores, kind="stable")
            ]
        ).model_dump(mode="json")

    return api


def _compare(services: Services) -> dict[str, Any]:
    contents = _only_pictures(2)
    if len(contents) != 2:
        raise bad_request("'picture' is needed twice: send the two pictures to compare.")
    people = services.pictures.people(contents)
    first, second = (face.embedding for face in people)
    similarity = float(np.clip(first.vector @ second.vector, -1, 1))
    calibration = services.pictures.calibration
    return CompareAnswer(
        similarity=score_json(similarity),
        match_probability=score_json(match_probability(similarity, calibration)),
        is_match=similarity >= calibration.min_similarity,
        min_similarity=calibration.min_similarity,
        embedding_space=first.space,
        faces=[UsedFace.of(face) for face in people],
    ).model_dump(mode="json")


def _only_pictures(at_most: int) -> list[bytes]:
    contents = sent_pictures(request, "picture", at_most=at_most)
    if unknown := (set(request.files) | set(request.form)) - {"picture"}:
        raise bad_request(f"The form has a field that is not known here: {sorted(unknown)[0][:40]!r}.")
    return contents


def _embedded(services: Services, content: bytes, *, aligned: bool) -> EmbeddedPicture:
    try:
        seen = services.pictures.look(content)
    except RejectedInput as rejection:
        error = PictureError(code=rejection.code, message=rejection.message)
        return EmbeddedPicture(width=None, height=None, faces=[], error=error, timings_ms=None)
    return EmbeddedPicture(
        width=seen.width,
        height=seen.height,
        faces=[_face_json(seen, face, aligned=aligned) for face in seen.faces],
        error=None,
        timings_ms=PictureTimings(decode=round(seen.decode_ms, 1), analyse=round(seen.analyse_ms, 1)),
    )


def _face_json(seen: SeenPicture, face: Face, *, aligned: bool) -> EmbeddedFace:
    return EmbeddedFace(
        box=box_json(face.box),
        landmarks=[[score_json(x), score_json(y)] for x, y in face.landmarks],
        detection_score=score_json(face.detection_score),
        sharpness=score_json(face.sharpness),
        quality=score_json(face.quality),
        quality_reasons=list(face.quality_reasons),
        vector=vector_base64(face.embedding.vector),
        aligned=_aligned_jpeg(seen.image, face) if aligned else None,
    )


def _aligned_jpeg(image: NDArray[np.uint8], face: Face) -> str:
    from photofinish.analysis.models.face_alignment import align

    height, width = image.shape[:2]
    chip = align(image, np.asarray(face.landmarks, np.float32) * np.array([width, height], np.float32))
    done, encoded = cv2.imencode(".jpg", chip, [cv2.IMWRITE_JPEG_QUALITY, _ALIGNED_QUALITY])
    assert done, "a chip of 112 × 112 pixels can be encoded"
    return base64.b64encode(cast("NDArray[np.uint8]", encoded).tobytes()).decode("ascii")


def _rows(vectors: list[str | list[float]], where: str, dimension: int | None = None) -> NDArray[np.float32]:
    rows = [unit_vector(vector, f"{where}.{index}") for index, vector in enumerate(vectors)]
    wanted = dimension or rows[0].size
    for index, row in enumerate(rows):
        if row.size != wanted:
            raise Refused(422, "not_a_vector", f"{where}.{index} has {row.size} numbers, the first has {wanted}.")
    return np.stack(rows)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
