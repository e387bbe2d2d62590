"""Analyse pictures in a request: what a sidecar says of a photo, without an album, and nothing is kept."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.quality import QualityReason
from photofinish.domain.sidecar import findings_of_picture
from photofinish.errors import RejectedInput
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.routes.faces import PictureError, PointJson
from photofinish_functions.api.routes.photos import BibCandidate, ImageJson, PhotoWarningJson, SharpnessJson
from photofinish_functions.api.schemas import BoxJson, Output, Parameters, Score, new_blueprint
from photofinish_functions.api.sent_pictures import is_wanted, only_pictures, pictures_form

MAX_PICTURES = 8


class Feature(StrEnum):
    FACES = "faces"
    BIBS = "bibs"
    TEXT = "text"
    SHARPNESS = "sharpness"


_READ = frozenset({Feature.BIBS, Feature.TEXT})


class AnalyzeQuery(Parameters):
    features: list[Feature] | None = Field(
        None,
        description="What to answer; everything if it is not given. Without `bibs` and `text` nothing is read, which "
        "takes most of the time.",
    )


class PoseJson(Output):
    roll_deg: float
    yaw_deg: float
    pitch_deg: float


class AnalyzedFace(Output):
    box: BoxJson
    landmarks: list[PointJson] = Field(
        description="Right eye, left eye, nose tip, right and left mouth corner (the person's right), as fractions of "
        "the upright picture."
    )
    detection_score: Score
    sharpness: Score
    quality: Score = Field(description="0 to 1: how well the face can be recognised.")
    quality_reasons: list[QualityReason]
    pose: PoseJson
    brightness: float = Field(description="Mean of the face, 0 (black) to 100.")


class AnalyzedBib(Output):
    number: str
    ocr_score: Score
    box: BoxJson
    face_index: int | None = Field(description="Position in `faces` of the person who wears the number.")
    partial: bool = Field(description="Digits may be missing.")
    candidates: list[BibCandidate]


class AnalyzedLine(Output):
    text: str
    ocr_score: Score
    box: BoxJson
    corners: list[PointJson] | None = Field(None, description="Of a tilted line, from where its text begins.")


class AnalyzedSharpness(SharpnessJson):
    laplacian_variance: float


class AnalyzedPicture(Output):
    image: ImageJson | None = Field(None, description="null if there is an error.")
    faces: list[AnalyzedFace] | None = Field(None, description="null if not asked for.")
    bibs: list[AnalyzedBib] | None = None
    text: list[AnalyzedLine] | None = None
    sharpness: AnalyzedSharpness | None = None
    warnings: list[PhotoWarningJson] = Field(default_factory=list)
    models: dict[str, str] = Field(default_factory=dict, description="Role → model, of those that ran.")
    timings_ms: dict[str, float] = Field(default_factory=dict)
    error: PictureError | None = Field(None, description="Why this picture could not be analysed; the others were.")


class AnalyzeAnswer(Output):
    pictures: list[AnalyzedPicture] = Field(description="In the order of the request.")
    total_ms: float


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("analyze", "Analyse pictures without an album. Nothing is kept.")

    @api.post("/analyze", responses={200: AnalyzeAnswer}, openapi_extensions=pictures_form("picture", 1, MAX_PICTURES))
    @guarded(Scope.SEARCH, "analyze", pictures_cost=4)
    @fails_with("too_many_pictures")
    def analyze(query: AnalyzeQuery) -> dict[str, Any]:
        """Find faces, bib numbers, text and sharpness in up to 8 pictures. For keys of all albums.

        The answer has what a task writes into sidecars, but no embeddings. For more pictures, use a batch in an album
        that keeps only results.
        """
        started_at = time.perf_counter()
        contents = only_pictures("picture", at_most=MAX_PICTURES)
        wanted = frozenset(query.features or Feature)
        pictures = [_analysed(services, content, wanted) for content in contents]
        audit(count=len(pictures))
        return AnalyzeAnswer(
            pictures=pictures, total_ms=round((time.perf_counter() - started_at) * 1000, 1)
        ).model_dump(mode="json")

    return api


def _analysed(services: App, content: bytes, wanted: frozenset[Feature]) -> AnalyzedPicture:
    try:
        found = findings_of_picture(
            services.picture_analysis.analyse(content, with_text=bool(wanted & _READ), is_wanted=is_wanted)
        )
    except RejectedInput as rejection:
        error = {"code": rejection.code, "message": rejection.message}
        return AnalyzedPicture.model_validate({"error": error})
    about_the_picture = {name: found[name] for name in ("image", "warnings", "models", "timings_ms")}
    asked_for = {feature.value: found[feature.value] for feature in wanted}
    return AnalyzedPicture.model_validate(about_the_picture | asked_for, extra="ignore")
