"""The request of a search: JSON, or a form with selfies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from flask import Request
from pydantic import AfterValidator, Field, ValidationError

from photofinish.domain.face import Embedding
from photofinish.domain.search import (
    MAX_EMBEDDINGS,
    MAX_LIMIT,
    MAX_TEXT_CHARS,
    Description,
    Fusion,
    PhotoFilter,
    SearchQuery,
    Weights,
)
from photofinish.errors import InvalidQuery
from photofinish_functions.api.errors import bad_request, refuse_invalid
from photofinish_functions.api.paging import Cursor
from photofinish_functions.api.patterns import BIB_NUMBER, CAMERA_TIME, UUID, WITHOUT_NUL
from photofinish_functions.api.requests import parse_json_object
from photofinish_functions.api.schemas import Input, example, storable
from photofinish_functions.api.sent_pictures import sent_pictures
from photofinish_functions.api.vectors import Embeddings
from photofinish_functions.refused import Refused

DEFAULT_LIMIT = 20
MAX_BIB_CHARS = 16

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS, pattern=WITHOUT_NUL), AfterValidator(storable)]
Number = Annotated[str, Field(min_length=1, max_length=MAX_BIB_CHARS, pattern=BIB_NUMBER)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Maximum number of photos.")]
Weight = Annotated[float, Field(ge=0, le=1000)]
_DEFAULT = Weights()


CameraTime = Annotated[str, Field(pattern=CAMERA_TIME, json_schema_extra=example("2026-05-01T10:00:00"))]


class PartWeights(Input):
    """How much each part of the score counts. Only the ratios of the weights matter."""

    face: Weight = _DEFAULT.face
    bib: Weight = _DEFAULT.bib
    name: Weight = _DEFAULT.name
    words: Weight = _DEFAULT.words
    vision: Weight = _DEFAULT.vision
    text: Weight = _DEFAULT.text
    time: Weight = _DEFAULT.time
    quality: Weight = _DEFAULT.quality


class SearchBody(Input):
    """At least one criterion.

    A photo must match at least one (with `match`: `all`, each) of those that say who or what is searched for (selfies,
    `embeddings`, `person_id`, `bib`, `name`, `about`), and all of the others (`text`, `taken_from`, `taken_to`,
    `camera`, `folder`).
    """

    embeddings: Embeddings | None = None
    person_id: Annotated[str, Field(pattern=UUID)] | None = Field(
        None, description="An enrolled person or a cluster of this album."
    )
    bib: Number | None = Field(None, json_schema_extra=example("1234"))
    name: Text | None = Field(None, description="Of a person, or in the start list.", json_schema_extra=example("Ada"))
    about: Text | None = Field(
        None,
        description="What photos show or have on them, in words: what was read in them, numbers, names (for callers "
        "who may read the start list) and, where label search is on, what they show, in 16 languages.",
        json_schema_extra=example("bicycle"),
    )
    match: Literal["any", "all"] | None = Field(
        None, description="Whether photos match any (default) or all of who and what is searched for."
    )
    fusion: Literal["weighted", "rrf"] | None = Field(
        None,
        description="How parts become a score: `weighted` by their values (default), or `rrf`, reciprocal rank fusion, "
        "by each photo's place in the order of each part. A part's `value` is then 61 / (60 + place).",
    )
    text: Text | None = Field(None, description="Words that were read in the photo.")
    taken_from: CameraTime | None = Field(None, description="By the camera's clock, so without a time zone; inclusive.")
    taken_to: CameraTime | None = Field(None, description="Like `taken_from`; inclusive.")
    camera: Text | None = Field(None, description="Make and model, exactly as in the photo's metadata.")
    folder: Text | None = Field(None, description="Path below the album; includes the folders inside it.")
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None
    weights: PartWeights | None = None
    collapse: Literal["bursts"] | None = Field(
        None,
        description="`bursts`: of near duplicates that one camera took within seconds only the best is answered, with "
        "the others folded under it in its `burst`.",
    )
    min_similarity: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Cosine from which a face counts as the person's: the calibrated one (default) or more.",
    )


_TEXT_FIELDS = (
    "bib",
    "name",
    "about",
    "match",
    "fusion",
    "text",
    "taken_from",
    "taken_to",
    "camera",
    "folder",
    "cursor",
    "person_id",
    "collapse",
)
_NUMBER_FIELDS: dict[str, type[int] | type[float]] = {"limit": int, "min_similarity": float}
_SEARCH_REF = "#/components/schemas/SearchBody"
_SEARCH_SCHEMA = {"$ref": _SEARCH_REF}


def _form_fields() -> dict[str, Any]:
    """The schemas of the criteria that a form may have as fields; a field cannot be null, only absent."""
    properties = SearchBody.model_json_schema()["properties"]
    return {
        name: next((form for form in properties[name].get("anyOf", ()) if form.get("type") != "null"), properties[name])
        for name in (*_TEXT_FIELDS, *_NUMBER_FIELDS)
    }


def _form(criteria: dict[str, Any]) -> dict[str, Any]:
    selfies = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_EMBEDDINGS,
        "items": {"type": "string", "format": "binary"},
        "description": "Pictures of one person, each JPEG, PNG, WebP, HEIC or TIFF of at most 16 MiB.",
    }
    return {
        "type": "object",
        "required": ["selfie"],
        "properties": {"selfie": selfies, **criteria},
        "additionalProperties": False,
    }


SEARCH_REQUEST = {
    "required": True,
    "content": {
        "application/json": {
            "schema": _SEARCH_SCHEMA,
        },
        "multipart/form-data": {
            "schema": _form({"query": _SEARCH_SCHEMA, **_form_fields()}),
            "encoding": {"query": {"contentType": "application/json"}},
        },
    },
}


def read_search(sent: Request) -> tuple[SearchBody, list[bytes]]:
    """Return the criteria and the selfies of a search request.

    Raises:
        Refused: 400, 413 or 422; the message names the fields that are wrong.
    """
    if sent.mimetype == "multipart/form-data":
        selfies = sent_pictures(sent, "selfie", at_most=MAX_EMBEDDINGS)
        criteria = _criteria_of_form(sent)
    else:
        criteria, selfies = sent.get_json(), []
    try:
        return SearchBody.model_validate(criteria), selfies
    except ValidationError as error:
        refuse_invalid(error)


def _criteria_of_form(sent: Request) -> dict[str, Any]:
    given: dict[str, str] = {}
    queries = [file.stream.read() for file in sent.files.getlist("query")]
    if unknown := set(sent.files) - {"selfie", "query"}:
        raise bad_request(f"Send files in the field 'selfie', not in {sorted(unknown)[0][:40]!r}.")
    for name, values in sent.form.lists():
        if len(values) > 1:
            raise bad_request(f"Send '{name[:40]}' once, not {len(values)} times.")
        given[name] = values[0]
    queries += [given.pop("query").encode()] if "query" in given else []
    if len(queries) + bool(given) > 1:
        raise Refused(422, "invalid_query", "Send the criteria either as one part 'query' or as form fields, not both.")
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


def query_of(
    album: str, body: SearchBody, embeddings: tuple[Embedding, ...], about: Description | None = None
) -> SearchQuery:
    """`about` is the body's description, with its place among pictures. Raises InvalidQuery."""
    return SearchQuery(
        album=album,
        embeddings=embeddings,
        are_vectors=body.embeddings is not None,
        bib=body.bib,
        name=body.name,
        about=about,
        must_match_all=body.match == "all",
        fusion=Fusion(body.fusion or Fusion.WEIGHTED),
        where=PhotoFilter(
            taken_from=camera_time("taken_from", body.taken_from),
            taken_until=camera_time("taken_to", body.taken_to),
            camera=body.camera,
            folder=None if body.folder is None else body.folder.strip("/"),
            text=body.text,
        ),
        limit=body.limit,
        cursor=body.cursor,
        min_similarity=body.min_similarity,
        collapse_bursts=body.collapse == "bursts",
        weights=Weights() if body.weights is None else Weights(**body.weights.model_dump()),
    )


def camera_time(field: str, text: str | None) -> datetime | None:
    """Parse a :data:`CameraTime`; raises InvalidQuery if there is no such day or time."""
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise InvalidQuery(f"{field}: There is no such day or time.") from None
