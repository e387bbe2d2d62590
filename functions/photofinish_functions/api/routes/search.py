"""Searching an album: by selfies or embeddings, a bib number, a name, text, time, camera and folder, in any mix."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from flask import Request, Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import AfterValidator, Field, ValidationError

from photofinish.domain.access import Scope
from photofinish.domain.face import Embedding, Face
from photofinish.domain.search import (
    MAX_EMBEDDINGS,
    MAX_LIMIT,
    MAX_TEXT_CHARS,
    BibEvidence,
    FaceEvidence,
    NameEvidence,
    Part,
    PhotoFilter,
    ScoredPhoto,
    SearchPage,
    SearchQuery,
    Weights,
)
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.errors import answer_example, bad_request, refuse_invalid
from photofinish_functions.api.faces import Embeddings, Renditions, UsedFace, embeddings_in, rendition_links
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.pictures import embedding_of, sent_pictures
from photofinish_functions.api.requests import parse_json_object
from photofinish_functions.api.schemas import (
    AlbumName,
    AlbumPath,
    BoxJson,
    Input,
    Output,
    Parameters,
    PhotoJson,
    box_json,
    describe,
    example,
    new_blueprint,
    score_json,
    storable,
)
from photofinish_functions.api.services import Services
from photofinish_functions.refused import Refused

DEFAULT_LIMIT = 20
MAX_BIB_CHARS = 16
_MAX_CURSOR_CHARS = 2000
_BIB_PATTERN = r"^[0-9A-Za-z-]+$"
_TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$"

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS, pattern=r"^[^\x00]*$"), AfterValidator(storable)]
Number = Annotated[str, Field(min_length=1, max_length=MAX_BIB_CHARS, pattern=_BIB_PATTERN)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Photos at most.")]
Cursor = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_MAX_CURSOR_CHARS,
        pattern=r"^[!-~]+$",
        description="`next_cursor` of the page before; ask for everything else as before.",
    ),
]
Weight = Annotated[float, Field(ge=0, le=1000)]
_USUAL = Weights()


CameraTime = Annotated[str, Field(pattern=_TIME_PATTERN, json_schema_extra=example("2026-05-01T10:00:00"))]


class PartWeights(Input):
    """How much each part of the score counts; only their ratios matter."""

    face: Weight = _USUAL.face
    bib: Weight = _USUAL.bib
    name: Weight = _USUAL.name
    text: Weight = _USUAL.text
    time: Weight = _USUAL.time
    quality: Weight = _USUAL.quality


class SearchBody(Input):
    """At least one criterion. A photo needs one of face, bib, name and person; it must meet all the others."""

    embeddings: Embeddings | None = None
    person_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = Field(
        None, description="An enrolled person, or a cluster, of this album."
    )
    bib: Number | None = Field(None, json_schema_extra=example("1234"))
    name: Text | None = Field(None, description="Of the start list or of people.", json_schema_extra=example("Ada"))
    text: Text | None = Field(None, description="Words that can be read in the photo.")
    taken_from: CameraTime | None = Field(None, description="By the camera's own clock, so without a time zone.")
    taken_to: CameraTime | None = Field(None, description="Belongs to the window.")
    camera: Text | None = Field(None, description="Make and model as photos tell them.")
    folder: Text | None = Field(None, description="Below the album; folders in it are meant too.")
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None
    weights: PartWeights | None = None
    min_similarity: float | None = Field(
        None, ge=-1, le=1, description="Cosine below which a face is somebody else's; else the calibrated one."
    )


class FoundFace(Output):
    """A face that is similar to what was asked for."""

    face_id: str
    box: BoxJson
    similarity: float = Field(description="Cosine to the nearest of the selfies and their centroid.")
    support: float = Field(
        description="0 to 1, the share of common neighbours: how much the album's faces nearest to this one are those "
        "nearest to the selfies. From 0.6 on it lifts a face that is less similar."
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


_TEXT_FIELDS = ("bib", "name", "text", "taken_from", "taken_to", "camera", "folder", "cursor", "person_id")
_NUMBER_FIELDS: dict[str, type[int] | type[float]] = {"limit": int, "min_similarity": float}
_SEARCH_REF = "#/components/schemas/SearchBody"
_SEARCH_SCHEMA = {"$ref": _SEARCH_REF}


def _form_fields() -> dict[str, Any]:
    """The criteria that a form can hold as fields of their own: what is not asked for is left out."""
    properties = SearchBody.model_json_schema()["properties"]
    return {
        name: next((one for one in properties[name].get("anyOf", ()) if one.get("type") != "null"), properties[name])
        for name in (*_TEXT_FIELDS, *_NUMBER_FIELDS)
    }


def _form(criteria: dict[str, Any]) -> dict[str, Any]:
    selfies = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_EMBEDDINGS,
        "items": {"type": "string", "format": "binary"},
        "description": "Pictures of one person, each at most 16 MiB: JPEG, PNG, WebP, HEIC or TIFF.",
    }
    return {
        "type": "object",
        "required": ["selfie"],
        "properties": {"selfie": selfies, **criteria},
        "additionalProperties": False,
    }


_REQUEST_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": _SEARCH_SCHEMA,
            "examples": {
                "bib": {"summary": "By bib number", "value": {"bib": "1234", "limit": 50}},
                "window": {
                    "summary": "Everything of a camera in a quarter of an hour",
                    "value": {
                        "taken_from": "2026-05-01T10:00:00",
                        "taken_to": "2026-05-01T10:15:00",
                        "camera": "EOS R5",
                    },
                },
            },
        },
        "multipart/form-data": {
            "schema": _form({"query": _SEARCH_SCHEMA, **_form_fields()}),
            "encoding": {"query": {"contentType": "application/json"}},
        },
    },
}


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("search", "Who is on which photo, and why we think so.")
    describe(api, SearchBody)

    @api.post(
        "/albums/<album>/search",
        responses={200: SearchAnswer},
        openapi_extensions={"requestBody": _REQUEST_BODY},
    )
    @guarded(Scope.SEARCH, "search", pictures_cost=2)
    def search(path: AlbumPath) -> Response:
        """Find photos by selfies, embeddings, a person, a bib number, a name, text, time, camera and folder.

        Selfies come as multipart/form-data; the other criteria then as the part `query` (JSON) or as form fields of
        the same names.
        """
        body, selfies = _read(request)
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


def _read(sent: Request) -> tuple[SearchBody, list[bytes]]:
    """The criteria and the selfies of a search, in either form."""
    try:
        if sent.mimetype != "multipart/form-data":
            return SearchBody.model_validate(sent.get_json()), []
        selfies = sent_pictures(sent, "selfie", at_most=MAX_EMBEDDINGS)
        return SearchBody.model_validate(_criteria_of_form(sent)), selfies
    except ValidationError as error:
        refuse_invalid(error)


def _criteria_of_form(sent: Request) -> dict[str, Any]:
    given: dict[str, str] = {}
    queries = [file.stream.read() for file in sent.files.getlist("query")]
    if unknown := set(sent.files) - {"selfie", "query"}:
        raise bad_request(f"Files are sent as 'selfie', not as {sorted(unknown)[0][:40]!r}.")
    for name, values in sent.form.lists():
        if len(values) > 1:
            raise bad_request(f"'{name[:40]}' is given {len(values)} times: give it once.")
        given[name] = values[0]
    queries += [given.pop("query").encode()] if "query" in given else []
    if len(queries) + bool(given) > 1:
        raise Refused(422, "invalid_query", "Give the criteria either as one part 'query' or as fields.")
    return (
        parse_json_object(queries[0], "the part 'query'")
        if queries
        else {name: _number(name, value) if name in _NUMBER_FIELDS else value for name, value in given.items()}
    )


def _number(name: str, value: str) -> int | float:
    try:
        return _NUMBER_FIELDS[name](value)
    except ValueError:
        raise bad_request(f"{name}: Input should be a number.") from None


def _must_exist(services: Services, album: str) -> None:
    if not services.index.has_album(album):
        raise NotVisible


def _who(services: Services, album: str, body: SearchBody, people: Sequence[Face]) -> tuple[Embedding, ...]:
    """What the person who is looked for looks like."""
    found = [embedding_of(face) for face in people]
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
        page = services.searcher.search(_query(album, body, embeddings))
    except ValueError as error:
        raise Refused(422, "invalid_query", f"This cannot be searched for: {error}.") from None
    if not page.photos:
        _must_exist(services, album)
    audit(target=body.person_id, count=len(page.photos))
    return Response(_page_json(services, album, page, people).model_dump_json(), mimetype="application/json")


def _query(album: str, body: SearchBody, embeddings: tuple[Embedding, ...]) -> SearchQuery:
    return SearchQuery(
        album=album,
        embeddings=embeddings,
        bib=body.bib,
        name=body.name,
        where=PhotoFilter(
            taken_from=_time(body.taken_from),
            taken_until=_time(body.taken_to),
            camera=body.camera,
            folder=None if body.folder is None else body.folder.strip("/"),
            text=body.text,
        ),
        limit=body.limit,
        cursor=body.cursor,
        min_similarity=body.min_similarity,
        weights=Weights() if body.weights is None else Weights(**body.weights.model_dump()),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _page_json(services: Services, album: str, page: SearchPage, people: Sequence[Face]) -> SearchAnswer:
    shown = [(found.photo, found.pipeline_version) for found in page.photos]
    renditions = rendition_links(services.links, shown, services.photo_bucket) if shown else []
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
