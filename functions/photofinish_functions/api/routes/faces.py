"""Faces outside albums: compare two pictures, embed a batch of pictures, re-rank candidates."""

from __future__ import annotations

import base64
import time
from typing import Annotated, Any

import numpy as np
from flask import request
from flask_openapi3.blueprint import APIBlueprint
from numpy.typing import NDArray
from pydantic import Field

from photofinish.application.pictures import AnalysedPicture, aligned_jpeg
from photofinish.application.search.similarity import rerank_candidates
from photofinish.domain.access import Scope
from photofinish.domain.face import Face
from photofinish.domain.quality import QualityReason
from photofinish.errors import RejectedInput
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.errors import answer_example, bad_request
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.schemas import (
    AlbumPath,
    BoxJson,
    Input,
    Output,
    Parameters,
    Score,
    UsedFace,
    example,
    new_blueprint,
)
from photofinish_functions.api.sent_pictures import sent_pictures
from photofinish_functions.api.services import Services
from photofinish_functions.api.vectors import Vector, unit_vector, vector_base64
from photofinish_functions.refused import Refused

MAX_BATCH = 16
MAX_QUERIES = 16
MAX_CANDIDATES = 2000


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

    similarity: Score = Field(description="Cosine, -1 to 1; higher is closer.")
    match_probability: Score = Field(
        description="Probability that both faces are one person's, if yes and no are equally likely beforehand."
    )
    is_match: bool = Field(description="Whether the similarity reaches `min_similarity`.")
    min_similarity: float = Field(
        description="Threshold of the embedding space; 1 in 1,000 pairs of different people reaches it."
    )
    embedding_space: str
    faces: list[UsedFace] = Field(description="The face that was used of each picture.")


class EmbeddingsQuery(Parameters):
    aligned: bool = Field(False, description="Also return the aligned faces, as JPEG of 112 × 112 pixels in Base64.")


class EmbeddedFace(Output):
    box: BoxJson
    landmarks: list[list[Score]] = Field(
        description="[x, y] of right eye, left eye, nose tip, right and left mouth corner (the person's right), as "
        "fractions of the upright picture."
    )
    detection_score: Score
    sharpness: Score
    quality: Score = Field(description="0 to 1: how well the face can be recognised.")
    quality_reasons: list[QualityReason] = Field(description="What makes the face hard to recognise.")
    vector: str = Field(description="The embedding, of unit length: Base64 of little-endian float32 numbers.")
    aligned: str | None = Field(description="The aligned face if requested: JPEG in Base64.")


class PictureError(Output):
    code: str = Field(json_schema_extra=example("not_a_picture"))
    message: str


class PictureTimings(Output):
    decode: float
    analyse: float


class EmbeddedPicture(Output):
    width: int | None = Field(description="Of the upright picture, in pixels; null if there is an error.")
    height: int | None
    faces: list[EmbeddedFace] = Field(description="Largest first.")
    error: PictureError | None = Field(description="Why this picture could not be analysed; the others were.")
    timings_ms: PictureTimings | None


class EmbeddingsAnswer(Output):
    embedding_space: str
    pictures: list[EmbeddedPicture] = Field(description="In the order of the request.")
    total_ms: float


class Candidate(Input):
    id: Annotated[str, Field(max_length=200)] | None = Field(None, description="Returned with its score.")
    vector: Vector


class RerankBody(Input):
    """Vectors of one embedding space: queries of the person to find, and candidates that another search found."""

    model_config = answer_example(
        {
            "queries": [[0.6, 0.8]],
            "candidates": [{"id": "IMG_1", "vector": [0.8, 0.6]}, {"id": "IMG_2", "vector": "AACAPwAAAAA="}],
        }
    )

    queries: list[Vector] = Field(min_length=1, max_length=MAX_QUERIES)
    candidates: list[Candidate] = Field(min_length=1, max_length=MAX_CANDIDATES)
    k1: int = Field(20, ge=1, le=100, description="Number of nearest neighbours that are compared.")
    k2: int = Field(6, ge=1, le=100, description="Number of nearest neighbours over which each encoding is averaged.")
    lambda_: float = Field(0.3, ge=0, le=1, alias="lambda", description="Share of the plain cosine in the score.")


class RerankedCandidate(Output):
    index: int = Field(description="Position of the candidate in the request, from 0.")
    id: str | None
    score: Score = Field(description="0 to 1: shared neighbours and cosine, for the best query.")
    similarity: Score = Field(description="Cosine to the most similar query.")


class RerankAnswer(Output):
    candidates: list[RerankedCandidate] = Field(description="By descending score, ties in the order of the request.")


def _files(field: str, least: int, most: int) -> dict[str, Any]:
    """The OpenAPI request body of a route that takes pictures."""
    files = {
        "type": "array",
        "minItems": least,
        "maxItems": most,
        "items": {"type": "string", "format": "binary"},
        "description": "Each JPEG, PNG, WebP, HEIC or TIFF of at most 16 MiB.",
    }
    schema = {"type": "object", "required": [field], "properties": {field: files}, "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("faces", "Compare, embed and re-rank faces outside albums. Pictures are not stored.")
    two_pictures = _files("picture", 2, 2)

    @api.post("/compare", responses={200: CompareAnswer}, openapi_extensions=two_pictures)
    @guarded(Scope.SEARCH, "compare", pictures_cost=2)
    def compare() -> dict[str, Any]:
        """Compare the people in two pictures. For keys of all albums."""
        return _compare(services)

    @api.post("/albums/<album>/compare", responses={200: CompareAnswer}, openapi_extensions=two_pictures)
    @guarded(Scope.SEARCH, "compare", pictures_cost=2)
    def compare_in_album(path: AlbumPath) -> dict[str, Any]:
        """Compare the people in two pictures. For keys of this album; the album itself is not searched."""
        if not services.index.has_album(path.album):
            raise NotVisible
        return _compare(services)

    @api.post("/embeddings", responses={200: EmbeddingsAnswer}, openapi_extensions=_files("picture", 1, MAX_BATCH))
    @guarded(Scope.SEARCH, "embed", pictures_cost=4)
    def embeddings(query: EmbeddingsQuery) -> dict[str, Any]:
        """Find the faces in up to 16 pictures, with their embeddings. For keys of all albums."""
        started_at = time.perf_counter()
        contents = _only_pictures(MAX_BATCH)
        pictures = [_embedded(services, content, aligned=query.aligned) for content in contents]
        audit(count=sum(len(picture.faces) for picture in pictures))
        return EmbeddingsAnswer(
            embedding_space=services.embedding_space,
            pictures=pictures,
            total_ms=_ms(time.perf_counter() - started_at),
        ).model_dump(mode="json")

    @api.post("/rerank", responses={200: RerankAnswer}, description="k-reciprocal re-ranking (Zhong et al. 2017).")
    @guarded(Scope.SEARCH, "rerank")
    def rerank(body: RerankBody) -> dict[str, Any]:
        """Order candidates by the neighbours that they share with the queries."""
        queries = _rows(body.queries, "queries")
        candidates = _rows([candidate.vector for candidate in body.candidates], "candidates", queries.shape[1])
        ranked = rerank_candidates(queries, candidates, k1=body.k1, k2=body.k2, lambda_=body.lambda_)
        audit(count=len(candidates))
        return RerankAnswer(
            candidates=[RerankedCandidate.from_object(one, id=body.candidates[one.index].id) for one in ranked]
        ).model_dump(mode="json")

    return api


def _compare(services: Services) -> dict[str, Any]:
    contents = _only_pictures(2)
    if len(contents) != 2:
        raise bad_request("Send exactly two pictures, both in the field 'picture'.")
    return CompareAnswer.model_validate(services.pictures.compare(*contents)).model_dump(mode="json")


def _only_pictures(at_most: int) -> list[bytes]:
    contents = sent_pictures(request, "picture", at_most=at_most)
    if unknown := (set(request.files) | set(request.form)) - {"picture"}:
        raise bad_request(f"The form has an unknown field: {sorted(unknown)[0][:40]!r}.")
    return contents


def _embedded(services: Services, content: bytes, *, aligned: bool) -> EmbeddedPicture:
    try:
        picture = services.pictures.analyse(content)
    except RejectedInput as rejection:
        error = PictureError(code=rejection.code, message=rejection.message)
        return EmbeddedPicture(width=None, height=None, faces=[], error=error, timings_ms=None)
    return EmbeddedPicture(
        width=picture.width,
        height=picture.height,
        faces=[_face_json(picture, face, aligned=aligned) for face in picture.faces],
        error=None,
        timings_ms=PictureTimings(decode=round(picture.decode_ms, 1), analyse=round(picture.analyse_ms, 1)),
    )


def _face_json(picture: AnalysedPicture, face: Face, *, aligned: bool) -> EmbeddedFace:
    return EmbeddedFace.from_object(
        face,
        vector=vector_base64(face.embedding.vector),
        aligned=base64.b64encode(aligned_jpeg(picture, face)).decode("ascii") if aligned else None,
    )


def _rows(vectors: list[str | list[float]], where: str, dimension: int | None = None) -> NDArray[np.float32]:
    """(N, D) unit-length rows; D is `dimension`, or that of the first vector."""
    rows = [unit_vector(vector, f"{where}.{index}") for index, vector in enumerate(vectors)]
    expected = dimension or rows[0].size
    for index, row in enumerate(rows):
        if row.size != expected:
            message = f"{where}.{index} must have {expected} numbers like the first query, not {row.size}."
            raise Refused(422, "not_a_vector", message)
    return np.stack(rows)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
