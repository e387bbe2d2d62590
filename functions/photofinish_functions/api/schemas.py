"""Base models and field types that the routes share, and a factory for groups of routes.

Bodies are validated strictly: the string "1" is not a number, and an unknown field is an error. Pydantic gets parsed
JSON, so an enumeration needs `Field(strict=False)`, and days and times are `Day` and `Time`; declare lists as `list`,
not `tuple`. A model's class name, without the suffix `Json`, is its name in the OpenAPI document, so it must be unique
among all routes.
"""

from __future__ import annotations

import base64
import re
from datetime import date, datetime
from typing import Annotated, Any, Self

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.utils import parse_body
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from photofinish.domain.photo import MAX_ALBUM_CHARS, album_name, is_album_name
from photofinish.domain.quality import QualityReason
from photofinish_functions.api.described import Described
from photofinish_functions.api.patterns import PHOTO_ID

PREFIX = "/v1"
_DIGITS = 6
_STARTS_WITH_A_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")


def example(value: Any) -> dict[str, Any]:
    """`json_schema_extra` of a field with an example; flask-openapi3 does not support `examples` in a schema."""
    return {"example": value}


def deprecated(instead: str, **field: Any) -> Any:
    """A field whose name was replaced by `instead`; it is answered or accepted until the next version."""
    return Field(description=f"Use `{instead}`.", json_schema_extra={"deprecated": True}, **field)


class Input(Described):
    """A request body."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Parameters(Described):
    """Parameters of a path or a query; validated leniently, because all of them are text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Output(Described):
    """An answer or a part of one; `model_validate` fills it from an object with attributes of these names."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, from_attributes=True, json_schema_serialization_defaults_required=True
    )

    @classmethod
    def from_object(cls, source: object, /, **more: Any) -> Self:
        """Fill it from the attributes of `source`, and from `more` for those that `source` lacks."""
        return cls.model_validate({name: getattr(source, name) for name in cls.model_fields if name not in more} | more)


def _album_name(text: str) -> str:
    album = album_name(text)
    if not is_album_name(album):
        raise ValueError(
            f"not an album name: use 1 to {MAX_ALBUM_CHARS} printable characters without a slash, and not '.', '..' or "
            "a name between double underscores"
        )
    return album


def storable(text: str) -> str:
    """Return `text`; raise ValueError if it has a NUL or half a surrogate pair, which Postgres cannot store."""
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain half a surrogate pair")
    return text


def _rounded(score: float) -> float:
    return round(score, _DIGITS)


def _written_out(value: Any) -> Any:
    """Refuse what pydantic also takes for a day or a time, but the document does not: seconds since 1970."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    if not _STARTS_WITH_A_DAY.match(value):
        raise PydanticCustomError("day_or_time", "write it as in ISO 8601, starting with YYYY-MM-DD")
    return value


Day = Annotated[date, Field(strict=False), BeforeValidator(_written_out)]
Time = Annotated[datetime, Field(strict=False), BeforeValidator(_written_out)]
AwareTime = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out)]
"""A time with its time zone."""
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


def _in_base64(placeholder: Any) -> Any:
    return base64.b64encode(placeholder).decode("ascii") if isinstance(placeholder, bytes) else placeholder


def is_none(value: object) -> bool:
    """For `exclude_if` of a field that only videos have."""
    return value is None


Placeholder = Annotated[
    str,
    BeforeValidator(_in_base64),
    Field(
        description="A [ThumbHash](https://evanw.github.io/thumbhash/) of the picture in Base64, to show until the "
        "picture is there; each face is one colour in it. null for photos that were analysed before there were "
        "placeholders.",
        json_schema_extra=example("WYcGTZKAdnebhnhZeGd5aGFQBViI"),
    ),
]


class AlbumPath(Parameters):
    album: AlbumName


class BoxJson(Output):
    """A rectangle as fractions of the upright picture, so that it fits every rendition; may extend beyond its edges."""

    x: Score = Field(description="Left edge.", json_schema_extra=example(0.41))
    y: Score = Field(description="Top edge.", json_schema_extra=example(0.22))
    w: Score = Field(description="Width.", json_schema_extra=example(0.12))
    h: Score = Field(description="Height.", json_schema_extra=example(0.18))
    at_s: Score | None = Field(
        None,
        description="In a video: when, in seconds from its beginning; absent in a photo.",
        exclude_if=is_none,
    )


class PhotoJson(Output):
    """One version of a photo in the bucket."""

    bucket: str
    name: str = Field(json_schema_extra=example("spring-10k/cam2/IMG_1.jpg"))
    generation: int
    album: str = Field(json_schema_extra=example("spring-10k"))
    photo_id: str = Field(pattern=PHOTO_ID, description="The same for all versions of the photo.")


class UsedFace(Output):
    """The face that was used of a picture in the request."""

    box: BoxJson
    detection_score: Score
    quality: Score = Field(description="0 to 1: how well the face can be recognised.")
    quality_reasons: list[QualityReason] = Field(description="What makes the face hard to recognise.")


def new_blueprint(tag: str, description: str, *, needs_key: bool = True, name: str | None = None) -> APIBlueprint:
    """Create a group of routes under ``/v1``.

    `tag` is its section in the OpenAPI document. Groups in the same section need a `name` each.
    """
    return APIBlueprint(
        name or tag,
        __name__,
        url_prefix=PREFIX,
        abp_tags=[Tag(name=tag, description=description)],
        abp_security=[{"ApiKey": []}, {"Bearer": []}] if needs_key else None,
        operation_id_callback=_operation_id,
    )


def describe(api: APIBlueprint, body: type[Described]) -> None:
    """Add the schema of a body that a route parses itself to the OpenAPI document, under its class name."""
    _, schemas = parse_body(body)
    api.components_schemas.update(schemas)


def _operation_id(*, name: str, path: str, method: str) -> str:
    """The name of the view, which generated clients use as the name of the method."""
    del path, method
    return name
