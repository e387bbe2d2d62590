"""Faces outside albums: compare two pictures, embed a batch of pictures, re-rank candidates."""

from __future__ import annotations

import base64
import time
from typing import Annotated, Any

import numpy as np
from flask_openapi3.blueprint import APIBlueprint
from numpy.typing import NDArray
from pydantic import Field

from photofinish.application.pictures import AnalysedPicture, aligned_jpeg
from photofinish.application.search.similarity import rerank_candidates
from photofinish.domain.access import Scope
from photofinish.domain.face import Face
from photofinish.domain.quality import QualityReason
from photofinish.errors import RejectedInput
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.error_codes import UNFIT_SELFIE, fails_with
from photofinish_functions.api.errors import bad_request
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
from photofinish_functions.api.sent_pictures import is_wanted, only_pictures, pictures_form
from photofinish_functions.api.vectors import Vector, unit_vector, vector_base64
from photofinish_functions.refused import Refused

MAX_BATCH = 16
MAX_QUERIES = 16
MAX_CANDIDATES = 2000


class CompareAnswer(Output):
    similarity: Score = Field(description="Cosine, -1 to 1, in steps; higher is closer.")
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


class PointJson(Output):
    x: Score
    y: Score


class EmbeddedFace(Output):
    box: BoxJson
    landmarks: list[PointJson] = Field(
        description="Right eye, left eye, nose tip, right and left mouth corner (the person's right), as "
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


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("faces", "Compare, embed and re-rank faces outside albums. Pictures are not stored.")
    two_pictures = pictures_form("picture", 2, 2)

    @api.post("/compare", responses={200: CompareAnswer}, openapi_extensions=two_pictures)
    @guarded(Scope.SEARCH, "compare", pictures_cost=2)
    @fails_with("too_many_pictures", *UNFIT_SELFIE)
    def compare() -> dict[str, Any]:
        """Compare the people in two pictures. For keys of all albums."""
        return _compare(services)

    @api.post("/albums/<album>/compare", responses={200: CompareAnswer}, openapi_extensions=two_pictures)
    @guarded(Scope.SEARCH, "compare", pictures_cost=2)
    @fails_with("too_many_pictures", *UNFIT_SELFIE)
    def compare_in_album(path: AlbumPath) -> dict[str, Any]:
        """Compare the people in two pictures. For keys of this album; the album itself is not searched."""
        check_album(services, path.album)
        return _compare(services)

    @api.post(
        "/embeddings", responses={200: EmbeddingsAnswer}, openapi_extensions=pictures_form("picture", 1, MAX_BATCH)
    )
    @guarded(Scope.SEARCH, "embed", pictures_cost=4, vectors=True)
    @fails_with("too_many_pictures", "vectors_not_allowed")
    def embed(query: EmbeddingsQuery) -> dict[str, Any]:
        """Find the faces in up to 16 pictures, with their embeddings. For keys of all albums that may use vectors."""
        started_at = time.perf_counter()
        contents = only_pictures("picture", at_most=MAX_BATCH)
        pictures = [_embedded(services, content, aligned=query.aligned) for content in contents]
        audit(count=sum(len(picture.faces) for picture in pictures))
        return EmbeddingsAnswer(
            embedding_space=services.embedding_space,
            pictures=pictures,
            total_ms=_ms(time.perf_counter() - started_at),
        ).model_dump(mode="json")

    @api.post("/rerank", responses={200: RerankAnswer}, description="k-reciprocal re-ranking (Zhong et al. 2017).")
    @guarded(Scope.SEARCH, "rerank", vectors=True)
    @fails_with("not_a_vector", "vectors_not_allowed")
    def rerank(body: RerankBody) -> dict[str, Any]:
        """Order candidates by the neighbours that they share with the queries. For keys that may use vectors."""
        queries = _rows(body.queries, "queries")
        candidates = _rows([candidate.vector for candidate in body.candidates], "candidates", queries.shape[1])
        ranked = rerank_candidates(queries, candidates, k1=body.k1, k2=body.k2, lambda_=body.lambda_)
        audit(count=len(candidates))
        return RerankAnswer(
            candidates=[RerankedCandidate.from_object(one, id=body.candidates[one.index].id) for one in ranked]
        ).model_dump(mode="json")

    return api


def _compare(services: App) -> dict[str, Any]:
    contents = only_pictures("picture", at_most=2)
    if len(contents) != 2:
        raise bad_request("Send exactly two pictures, both in the field 'picture'.")
    return CompareAnswer.model_validate(services.pictures.compare(*contents, is_wanted=is_wanted)).model_dump(
        mode="json"
    )


def _embedded(services: App, content: bytes, *, aligned: bool) -> EmbeddedPicture:
    try:
        picture = services.pictures.analyse(content, is_wanted=is_wanted)
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
        landmarks=[PointJson(x=x, y=y) for x, y in face.landmarks],
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
