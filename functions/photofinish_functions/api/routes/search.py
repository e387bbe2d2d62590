"""Searching an album: by selfies or embeddings, a bib number, a name, text, time, camera and folder, in any mix."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.face import Embedding, Face
from photofinish.domain.search import BibEvidence, FaceEvidence, NameEvidence, Part, ScoredPhoto, SearchPage
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.errors import answer_example
from photofinish_functions.api.faces import Renditions, UsedFace, embeddings_in, rendition_links
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.schemas import (
    AlbumName,
    AlbumPath,
    BoxJson,
    Output,
    Parameters,
    PhotoJson,
    box_json,
    describe,
    new_blueprint,
    score_json,
)
from photofinish_functions.api.search_requests import (
    DEFAULT_LIMIT,
    SEARCH_REQUEST,
    Cursor,
    Limit,
    Number,
    SearchBody,
    query_of,
    read_search,
)
from photofinish_functions.api.services import Services
from photofinish_functions.refused import Refused


class FoundFace(Output):
    """A face that is similar to what was asked for."""

    face_id: str
    box: BoxJson
    similarity: float = Field(description="Cosine to the nearest of the selfies and their centroid.")
    support: float = Field(
        description="0 to 1, the share of common neighbours: how much the album's faces nearest to this one are those "
        "nearest to the selfies; 0 where too few are near to tell. From 0.6 on it lifts a face that is less similar."
    )
    detection_score: float
    quality: float


class FoundBib(Output):
    """A number read in the photo, or offered for a face of it: the same face was seen beside the number elsewhere."""

    number: str
    ocr_score: float | None = Field(
        description="Of an offered number that of the evidence; null where somebody only said whose number it is."
    )
    partial: bool = Field(description="Digits may be missing.")
    box: BoxJson | None = Field(description="Null where the number is offered: it was not read in this photo.")
    face_id: str | None = Field(description="Whose number it is.")
    offered: bool = Field(description="Whether only the face speaks for the number.")
    evidence_photo_id: str | None = Field(description="The photo in which an offered number was read best.")
    evidence_face_id: str | None = Field(description="The face beside which it was read there: the same person's.")


class FoundName(Output):
    """Why the photo may show somebody of that name."""

    name: str
    number: str | None = Field(description="The start list's number of that name.")
    person_id: str | None
    bib: FoundBib | None
    face: FoundFace | None


class PartOfScore(Output):
    part: Part
    value: float = Field(description="0 to 1.")
    weight: float = Field(description="All weights of a score add up to 1.")
    contribution: float = Field(description="Value times weight; the score is the sum of these.")


class FoundPhoto(Output):
    photo: PhotoJson
    score: float = Field(description="0 to 1.")
    parts: list[PartOfScore]
    face: FoundFace | None
    bib: FoundBib | None
    name: FoundName | None
    text: list[str] | None = Field(description="The lines that the words were read in.")
    face_box: BoxJson | None = Field(description="The face to draw a box around.")
    taken_at: str | None = Field(description="By the camera's own clock, without a time zone.")
    camera: str | None
    width: int
    height: int
    sharpness: float
    renditions: Renditions


class SearchAnswer(Output):
    """Photos in falling score, equal ones by photo id."""

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
    next_cursor: str | None = Field(description="For the next page; null where this is the last.")
    numbers: dict[str, str] = Field(description="Where a name was asked for: its numbers of the start list.")
    selfies: list[UsedFace] = Field(description="The face that was used of each picture, in their order.")


class BibPath(Parameters):
    album: AlbumName
    number: Number


class BibQuery(Parameters):
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("search", "Who is on which photo, and why we think so.")
    describe(api, SearchBody)

    @api.post(
        "/albums/<album>/search",
        responses={200: SearchAnswer},
        openapi_extensions={"requestBody": SEARCH_REQUEST},
    )
    @guarded(Scope.SEARCH, "search", pictures_cost=2)
    def search(path: AlbumPath) -> Response:
        """Find photos by selfies, embeddings, a person, a bib number, a name, text, time, camera and folder.

        Selfies come as multipart/form-data; the other criteria then as the part `query` (JSON) or as form fields of
        the same names.
        """
        body, selfies = read_search(request)
        if selfies:  # which are work, so first
            _must_exist(services, path.album)
        people = services.pictures.people(selfies)
        return _answer(services, path.album, body, _who(services, path.album, body, people), people)

    @api.get("/albums/<album>/bibs/<number>", responses={200: SearchAnswer})
    @guarded(Scope.SEARCH, "search_bib")
    def bib(path: BibPath, query: BibQuery) -> Response:
        """The photos in which a bib number was read, or is offered for a face, best first."""
        body = SearchBody.model_validate({"bib": path.number, "limit": query.limit, "cursor": query.cursor})
        return _answer(services, path.album, body, (), ())

    return api


def _must_exist(services: Services, album: str) -> None:
    if not services.index.has_album(album):
        raise NotVisible


def _who(services: Services, album: str, body: SearchBody, people: Sequence[Face]) -> tuple[Embedding, ...]:
    """What the person who is looked for looks like."""
    found = [face.embedding for face in people]
    if body.embeddings is not None:
        found += embeddings_in(body.embeddings)
    if body.person_id is not None:
        space = found[0].space if found else services.embedding_space
        found += _looks_of(services, album, body.person_id, space)
    return tuple(found)


def _looks_of(services: Services, album: str, person_id: str, space: str) -> list[Embedding]:
    if services.people.get(album, person_id) is None:
        raise Refused(404, "unknown_person", "This album has no such person.")
    looks = [embedding for embedding in services.people.embeddings(album, person_id) if embedding.space == space]
    if not looks:
        raise Refused(422, "person_without_face", "No face of this person is known yet.")
    return looks


def _answer(
    services: Services, album: str, body: SearchBody, embeddings: tuple[Embedding, ...], people: Sequence[Face]
) -> Response:
    try:
        page = services.searcher.search(query_of(album, body, embeddings))
    except ValueError as error:
        raise Refused(422, "invalid_query", f"This cannot be searched for: {error}.") from None
    if not page.photos:
        _must_exist(services, album)
    audit(target=body.person_id, count=len(page.photos))
    return Response(_page_json(services, album, page, people).model_dump_json(), mimetype="application/json")


def _page_json(services: Services, album: str, page: SearchPage, people: Sequence[Face]) -> SearchAnswer:
    shown = [(found.photo, found.pipeline_version) for found in page.photos]
    renditions = rendition_links(services.links, shown, services.settings.photo_bucket) if shown else []
    return SearchAnswer(
        album=album,
        photos=[_photo_json(found, links) for found, links in zip(page.photos, renditions, strict=True)],
        next_cursor=page.next_cursor,
        numbers=dict(page.numbers),
        selfies=[UsedFace.of(face) for face in people],
    )


def _photo_json(found: ScoredPhoto, renditions: Renditions) -> FoundPhoto:
    return FoundPhoto(
        photo=PhotoJson.of(found.photo),
        score=score_json(found.score),
        parts=[
            PartOfScore(
                part=scored.part,
                value=score_json(scored.value),
                weight=score_json(scored.weight),
                contribution=score_json(scored.contribution),
            )
            for scored in found.parts
        ],
        face=_face_json(found.face),
        bib=_bib_json(found.bib),
        name=_name_json(found.name),
        text=None if found.text is None else list(found.text.lines),
        face_box=None if found.face_box is None else box_json(found.face_box),
        taken_at=None if found.taken_at is None else found.taken_at.isoformat(),
        camera=found.camera,
        width=found.width,
        height=found.height,
        sharpness=score_json(found.sharpness),
        renditions=renditions,
    )


def _face_json(face: FaceEvidence | None) -> FoundFace | None:
    return (
        None
        if face is None
        else FoundFace(
            face_id=face.face_id,
            box=box_json(face.box),
            similarity=score_json(face.similarity),
            support=score_json(face.support),
            detection_score=score_json(face.detection_score),
            quality=score_json(face.quality),
        )
    )


def _bib_json(bib: BibEvidence | None) -> FoundBib | None:
    return (
        None
        if bib is None
        else FoundBib(
            number=bib.number,
            ocr_score=None if bib.ocr_score is None else score_json(bib.ocr_score),
            partial=bib.partial,
            box=None if bib.box is None else box_json(bib.box),
            face_id=bib.face_id,
            offered=bib.offered,
            evidence_photo_id=bib.evidence_photo_id,
            evidence_face_id=bib.evidence_face_id,
        )
    )


def _name_json(name: NameEvidence | None) -> FoundName | None:
    return (
        None
        if name is None
        else FoundName(
            name=name.name,
            number=name.number,
            person_id=name.person_id,
            bib=_bib_json(name.bib),
            face=_face_json(name.face),
        )
    )
