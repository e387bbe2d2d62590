"""The answer to a search, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from photofinish.domain.search import Part
from photofinish_functions.api.errors import answer_example
from photofinish_functions.api.renditions import Renditions
from photofinish_functions.api.schemas import BoxJson, Output, PhotoJson, Score, UsedFace


class FoundFace(Output):
    """A face that is similar to the requested one."""

    face_id: str
    box: BoxJson
    similarity: Score = Field(description="Highest cosine to any of the requested faces or to their centroid.")
    support: Score = Field(
        validation_alias="shared_neighbours",
        description="0 to 1: how far the faces in the album that are nearest to this one are also the nearest to the "
        "requested ones; 0 if too few faces are near to tell. Above 0.6 it raises the face's score, so that less "
        "similar faces are found, too.",
    )
    detection_score: Score
    quality: Score


class FoundBib(Output):
    """A number that was read in the photo, or inferred for a face in it from other photos of the same person."""

    number: str
    ocr_score: Score | None = Field(
        description="For an inferred number, the score of its best reading; null if a user confirmed a number that was "
        "never read."
    )
    partial: bool = Field(description="Digits may be missing.")
    box: BoxJson | None = Field(description="null if the number is inferred: it was not read in this photo.")
    face_id: str | None = Field(description="The face of the person who wears the number.")
    offered: bool = Field(
        validation_alias="inferred", description="Whether the number is inferred: only the face links it to this photo."
    )
    evidence_photo_id: str | None = Field(description="The photo with the best reading of an inferred number.")
    evidence_face_id: str | None = Field(description="The same person's face in that photo.")


class FoundName(Output):
    """Why the photo may show a person with the requested name: their number was read, or their face is similar."""

    name: str
    number: str | None = Field(description="The number that the start list has for this name.")
    person_id: str | None
    bib: FoundBib | None
    face: FoundFace | None


class PartOfScore(Output):
    part: Part
    value: Score = Field(description="0 to 1.")
    weight: Score = Field(description="The weights of a score add up to 1.")
    contribution: Score = Field(description="Value times weight. The score is the sum of the contributions.")


class FoundPhoto(Output):
    photo: PhotoJson
    score: Score = Field(description="0 to 1.")
    parts: list[PartOfScore]
    face: FoundFace | None
    bib: FoundBib | None
    name: FoundName | None
    text: list[str] | None = Field(description="The lines in which the requested words were read.")
    face_box: BoxJson | None = Field(description="The face to draw a box around.")
    taken_at: Annotated[str, BeforeValidator(datetime.isoformat)] | None = Field(
        description="By the camera's clock, without a time zone."
    )
    camera: str | None
    width: int
    height: int
    sharpness: Score
    renditions: Renditions


class SearchAnswer(Output):
    """Photos by descending score, ties by photo id."""

    model_config = answer_example(
        {
            "album": "spring-10k",
            "photos": [
                {
                    "photo": {
                        "bucket": "photos",
                        "name": "spring-10k/cam2/IMG_1.jpg",
                        "generation": 1795236345493247,
                        "photo_id": "3751ffab0c9f1332f5305f0d757bbc38",
                    },
                    "score": 0.97,
                    "parts": [
                        {"part": "face", "value": 0.99, "weight": 0.95, "contribution": 0.9405},
                        {"part": "quality", "value": 0.59, "weight": 0.05, "contribution": 0.0295},
                    ],
                    "face": {
                        "face_id": "fe1e3f30-c578-5f3e-86c1-aa97f51b4515",
                        "box": [0.41, 0.22, 0.12, 0.18],
                        "similarity": 0.81,
                        "support": 0.92,
                        "detection_score": 0.93,
                        "quality": 0.88,
                    },
                    "bib": None,
                    "name": None,
                    "text": None,
                    "face_box": [0.41, 0.22, 0.12, 0.18],
                    "taken_at": "2026-05-01T10:04:26",
                    "camera": "Canon EOS R5",
                    "width": 6000,
                    "height": 4000,
                    "sharpness": 0.61,
                    "renditions": {
                        "preview": {
                            "url": "https://storage.googleapis.com/derived/renditions/…?X-Goog-Signature=…",
                            "expires_at": "2026-05-02T08:15:00Z",
                        }
                    },
                }
            ],
            "next_cursor": None,
            "numbers": {},
            "selfies": [
                {"box": [0.26, 0.2, 0.48, 0.58], "detection_score": 0.94, "quality": 0.97, "quality_reasons": []}
            ],
        }
    )

    album: str
    photos: list[FoundPhoto]
    next_cursor: str | None = Field(description="Send it as `cursor` to get the next page; null on the last page.")
    numbers: dict[str, str] = Field(
        description="For a search by name: number to name, of the start list's matching entries."
    )
    selfies: list[UsedFace] = Field(description="The face that was used of each selfie, in the order of the selfies.")
