"""The words of the API's documents that several routes share, and how a group of routes is made.

Bodies are strict: a number is no string, an unknown field is an error. Pydantic reads them out of parsed JSON, so a
type that JSON writes as a string (a time, an id) takes `Field(strict=False)`; write lists as `list`, not as `tuple`. A
model's class name is its name in the OpenAPI document: no two routes may have different ones of the same name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.utils import parse_body
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from photofinish.domain.geometry import Box
from photofinish.domain.photo import MAX_ALBUM_CHARS, PhotoRef, is_album_name
from photofinish_functions.api.errors import ErrorAnswer

PREFIX = "/v1"
_OPEN_ERRORS = (400, 500, 503)
_ERRORS = (400, 401, 403, 404, 413, 415, 422, 429, 500, 503)
_DIGITS = 6


def example(value: Any) -> dict[str, Any]:
    """`json_schema_extra` of a field; flask-openapi3 knows no `examples` in a schema."""
    return {"example": value}


class Input(BaseModel):
    """A body."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Parameters(BaseModel):
    """The parameters of a path or a query, which are text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Output(BaseModel):
    """A part of an answer; `model_validate` makes it out of any object that has its fields as attributes."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


def _album_name(album: str) -> str:
    if not is_album_name(album):
        raise ValueError(
            f"no album can have this name: 1 to {MAX_ALBUM_CHARS} printable characters, no slash, not '.', '..' "
            "or a name between double underscores"
        )
    return album


def storable(text: str) -> str:
    """`text`; ValueError for a NUL, which no database takes."""
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    return text


def _text_only(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("give the time as text, such as 2026-05-01T10:00:00+02:00")
    return value


AlbumName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_ALBUM_CHARS,
        description="The album's name.",
        json_schema_extra=example("spring-10k"),
    ),
    AfterValidator(_album_name),
]
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_text_only)]
"""A time with its offset from UTC, as RFC 3339 writes it."""
BoxJson = Annotated[
    list[float],
    Field(
        min_length=4,
        max_length=4,
        description="[x, y, width, height] as fractions of the upright picture; may reach a little outside it.",
        json_schema_extra=example([0.41, 0.22, 0.12, 0.18]),
    ),
]


class AlbumPath(Parameters):
    album: AlbumName


class PhotoJson(Output):
    """One version of one object in the bucket."""

    bucket: str
    name: str = Field(json_schema_extra=example("spring-10k/cam2/IMG_1.jpg"))
    generation: int
    photo_id: str = Field(pattern="^[0-9a-f]{32}$", description="The same for every generation of the object.")

    @classmethod
    def of(cls, photo: PhotoRef) -> PhotoJson:
        return cls(bucket=photo.bucket, name=photo.name, generation=photo.generation, photo_id=photo.photo_id)


def new_blueprint(tag: str, description: str, *, needs_key: bool = True, name: str | None = None) -> APIBlueprint:
    """A group of routes under ``/v1``, with the errors that each of them may answer.

    `tag` is its chapter in the OpenAPI document. Groups that share one need names of their own.
    """
    return APIBlueprint(
        name or tag,
        __name__,
        url_prefix=PREFIX,
        abp_tags=[Tag(name=tag, description=description)],
        abp_security=[{"ApiKey": []}, {"Bearer": []}] if needs_key else None,
        abp_responses=dict.fromkeys(_ERRORS if needs_key else _OPEN_ERRORS, ErrorAnswer),
        operation_id_callback=_operation_id,
    )


def describe(api: APIBlueprint, body: type[BaseModel]) -> None:
    """Put a body that a route reads by itself into the OpenAPI document, under its class name."""
    _, schemas = parse_body(body)
    api.components_schemas.update(schemas)


def _operation_id(*, name: str, path: str, method: str) -> str:
    """The view's name: it is what generated clients call the method."""
    del path, method
    return name


def box_json(box: Box) -> list[float]:
    return [round(value, _DIGITS) for value in (box.x, box.y, box.w, box.h)]


def score_json(score: float) -> float:
    return round(score, _DIGITS)


def time_json(moment: datetime) -> str:
    return moment.isoformat()
