"""Base models and field types that the routes share, and a factory for groups of routes.

Bodies are validated strictly: the string "1" is not a number, and an unknown field is an error. Pydantic gets parsed
JSON, so a field whose JSON form is a string (a time, an id) needs `Field(strict=False)`; declare lists as `list`, not
`tuple`. A model's class name is its name in the OpenAPI document, so it must be unique among all routes.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.utils import parse_body
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from photofinish.domain.geometry import Box
from photofinish.domain.photo import MAX_ALBUM_CHARS, is_album_name
from photofinish.domain.quality import QualityReason
from photofinish_functions.api.errors import ErrorAnswer

PREFIX = "/v1"
_OPEN_ERRORS = (400, 500, 503)
_ERRORS = (400, 401, 403, 404, 413, 415, 422, 429, 500, 503)
_DIGITS = 6


def example(value: Any) -> dict[str, Any]:
    """`json_schema_extra` of a field with an example; flask-openapi3 does not support `examples` in a schema."""
    return {"example": value}


class Input(BaseModel):
    """A request body."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Parameters(BaseModel):
    """Parameters of a path or a query; validated leniently, because all of them are text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Output(BaseModel):
    """An answer or a part of one; `model_validate` fills it from an object with attributes of these names."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, from_attributes=True, json_schema_serialization_defaults_required=True
    )

    @classmethod
    def from_object(cls, source: object, /, **more: Any) -> Self:
        """Fill it from the attributes of `source`, and from `more` for those that `source` lacks."""
        return cls.model_validate({name: getattr(source, name) for name in cls.model_fields if name not in more} | more)


def _album_name(album: str) -> str:
    if not is_album_name(album):
        raise ValueError(
            f"not an album name: use 1 to {MAX_ALBUM_CHARS} printable characters without a slash, and not '.', '..' or "
            "a name between double underscores"
        )
    return album


def storable(text: str) -> str:
    """Return `text`; raise ValueError if it has a NUL, which Postgres cannot store."""
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _rounded(score: float) -> float:
    return round(score, _DIGITS)


def _box_values(box: Any) -> Any:
    if isinstance(box, dict):  # in Firestore
        box = Box(**box)
    return [_rounded(value) for value in (box.x, box.y, box.w, box.h)] if isinstance(box, Box) else box


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
Score = Annotated[float, AfterValidator(_rounded)]
BoxJson = Annotated[
    list[float],
    BeforeValidator(_box_values),
    Field(
        min_length=4,
        max_length=4,
        description="[x, y, width, height] as fractions of the upright picture; may extend slightly beyond its edges.",
        json_schema_extra=example([0.41, 0.22, 0.12, 0.18]),
    ),
]


class AlbumPath(Parameters):
    album: AlbumName


class PhotoJson(Output):
    """One version of a photo in the bucket."""

    bucket: str
    name: str = Field(json_schema_extra=example("spring-10k/cam2/IMG_1.jpg"))
    generation: int
    photo_id: str = Field(pattern="^[0-9a-f]{32}$", description="The same for all versions of the photo.")


class UsedFace(Output):
    """The face that was used of a picture in the request."""

    box: BoxJson
    detection_score: Score
    quality: Score = Field(description="0 to 1: how well the face can be recognised.")
    quality_reasons: list[QualityReason] = Field(description="What makes the face hard to recognise.")


def new_blueprint(tag: str, description: str, *, needs_key: bool = True, name: str | None = None) -> APIBlueprint:
    """Create a group of routes under ``/v1``, with the error answers that all routes have in common.

    `tag` is its section in the OpenAPI document. Groups in the same section need a `name` each.
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
    """Add the schema of a body that a route parses itself to the OpenAPI document, under its class name."""
    _, schemas = parse_body(body)
    api.components_schemas.update(schemas)


def _operation_id(*, name: str, path: str, method: str) -> str:
    """The name of the view, which generated clients use as the name of the method."""
    del path, method
    return name
