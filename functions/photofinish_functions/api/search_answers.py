"""The answer to a search, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from photofinish.domain.search import Part
from photofinish.domain.word_matching import MatchedBy
from photofinish_functions.api.paging import next_cursor
from photofinish_functions.api.renditions import Renditions
from photofinish_functions.api.schemas import (
    BoxJson,
    Output,
    PhotoJson,
    Placeholder,
    Score,
    UsedFace,
    deprecated,
)


class FoundFace(Output):
    """A face that is similar to the requested one."""

    face_id: str
    box: BoxJson
    similarity: Score = Field(
        description="Highest cosine to any of the requested faces or to their centroid, in steps."
    )
    is_certain: bool = Field(
        description="Whether no one needs to check: by the calibration of the embedding space, 1 in 10,000 pairs of "
        "different people is as similar. Otherwise show it as a question."
    )
    shared_neighbours: Score = Field(
        description="0 to 1: how far the faces in the album that are nearest to this one are also the nearest to the "
        "requested ones; 0 if too few faces are near to tell. Above 0.6 it raises the face's score, so that less "
        "similar faces are found, too.",
    )
    support: Score = deprecated("shared_neighbours", validation_alias="shared_neighbours")
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
    box: BoxJson | None = Field(
        description="null if the number is inferred, and so was not read in this photo, and if a user added it without "
        "saying where it is."
    )
    by_hand: bool = Field(description="Whether a user set the number in this photo.")
    face_id: str | None = Field(description="The face of the person who wears the number.")
    inferred: bool = Field(description="Whether only the face links the number to this photo.")
    confirmed: bool = Field(
        description="Of an inferred number: whether a user confirmed it for the person; false if it was only read on "
        "other photos."
    )
    offered: bool = deprecated("inferred", validation_alias="inferred")
    evidence_photo_id: str | None = Field(description="The photo with the best reading of an inferred number.")
    evidence_face_id: str | None = Field(description="The same person's face in that photo.")


class FoundName(Output):
    """Why the photo may show a person with the requested name: their number was read, or their face is similar."""

    name: str | None = Field(
        description="null for a name of the start list, unless the caller may read it, which needs the scope `write`."
    )
    number: str | None = Field(description="The number that the start list has for this name.")
    person_id: str | None
    bib: FoundBib | None
    face: FoundFace | None


class FoundWord(Output):
    """A word of the description that was read in the photo."""

    word: str
    read: str = Field(description="As it was read.")
    by: MatchedBy = Field(
        description="`word`: as it is; `number`: a bib number, by its score; `spelling`: but for a letter."
    )
    value: Score = Field(description="0 to 1.")


class LabelJson(Output):
    name: str = Field(description="One of 1000 things, in English.")
    score: Score


class FoundDepiction(Output):
    """What the photo shows, and how near that is to the description."""

    similarity: float = Field(description="Cosine, -1 to 1.")
    labels: list[LabelJson] = Field(description="The likeliest first.")


class PartOfScore(Output):
    part: Part
    value: Score = Field(description="0 to 1.")
    weight: Score = Field(description="The weights of a score add up to 1.")
    contribution: Score = Field(description="Value times weight. The score is the sum of the contributions.")


class FoldedPhoto(Output):
    """A found photo that is a near duplicate of a better one."""

    photo: PhotoJson
    width: int
    height: int
    placeholder: Placeholder | None
    renditions: Renditions
    download_pass: str | None = Field(description="As of the photo that is shown.")


class FoundBurst(Output):
    """The found photos of one moment by one camera, of which this is the best."""

    size: int = Field(description="Number of found photos in the burst, this one included; 1: it is in none.")
    photo_ids: list[str] = Field(description="Of all of them, the best first.")
    photos: list[FoldedPhoto] = Field(description="The others.")


class FoundInVideo(Output):
    """Where in a video the requested person or number is."""

    duration_s: float
    at_s: float | None = Field(
        description="When they are seen best, in seconds from the beginning: start the player there. null where the "
        "search is for no face, number or name."
    )
    scene: int | None = Field(description="Number of the scene at that time, from 0.")
    scene_start_s: float | None = Field(description="When that scene begins.")


class FoundPhoto(Output):
    photo: PhotoJson
    score: Score = Field(description="0 to 1.")
    parts: list[PartOfScore]
    face: FoundFace | None
    bib: FoundBib | None
    name: FoundName | None
    words: list[FoundWord] | None = Field(description="null unless the search was `about` something.")
    depiction: FoundDepiction | None = Field(
        description="null unless the search was `about` something that the photo seems to show."
    )
    text: list[str] | None = Field(description="The lines in which the requested words were read.")
    in_video: FoundInVideo | None = Field(description="null for a photo. For a video the picture is its poster.")
    face_box: BoxJson | None = Field(
        description="The face to draw a box around in the picture; null in a video, whose picture is of another moment."
    )
    taken_at: Annotated[str, BeforeValidator(datetime.isoformat)] | None = Field(
        description="By the camera's clock, without a time zone."
    )
    corrected_at: Annotated[str, BeforeValidator(datetime.isoformat)] | None = Field(
        description="`taken_at` with the shift of the camera's clock, which time windows compare."
    )
    camera: str | None
    width: int
    height: int
    sharpness: Score
    placeholder: Placeholder | None
    renditions: Renditions
    download_pass: str | None = Field(
        description="Send it with a request to download this photo, within a day: it says that your search found the "
        "photo, and which face in it is yours. null if you need none, because you may see all photos and faces."
    )
    burst: FoundBurst | None = Field(description="null unless `collapse` was `bursts`.")


class SearchAnswer(Output):
    """Photos by descending score, ties by photo id; with `collapse`, by the highest score of each burst."""

    album: str
    photos: list[FoundPhoto]
    next_cursor: str | None = next_cursor()
    numbers: dict[str, str] = Field(
        description="For a search by name: number to name, of the start list's matching entries; empty unless the "
        "caller may read the start list, which needs the scope `write`."
    )
    selfies: list[UsedFace] = Field(description="The face that was used of each selfie, in the order of the selfies.")
