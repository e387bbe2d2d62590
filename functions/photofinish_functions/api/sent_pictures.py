"""Pictures in a multipart form."""

from __future__ import annotations

from typing import Any

from flask import Request
from flask import request as current_request
from werkzeug.exceptions import UnsupportedMediaType

from photofinish.application.pictures import MAX_PICTURE_BYTES
from photofinish_functions.api.errors import bad_request, too_large
from photofinish_functions.refused import Refused
from photofinish_functions.request_bodies import is_gone


def sent_pictures(request: Request, field: str, *, at_most: int) -> list[bytes]:
    """The contents of the 1 to `at_most` files in `field` of a multipart form."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType(f"Send the pictures as multipart/form-data, as files in the field '{field}'.")
    contents = [file.stream.read() for file in request.files.getlist(field)]
    if not contents:
        raise bad_request(f"'{field}' is missing: send 1 to {at_most} pictures as files in this field.")
    if len(contents) > at_most:
        raise Refused(400, "too_many_pictures", f"Send at most {at_most} pictures, not {len(contents)}.")
    for position, content in enumerate(contents, 1):
        if len(content) > MAX_PICTURE_BYTES:
            raise too_large(f"Picture {position}", MAX_PICTURE_BYTES)
    return contents


def pictures_form(field: str, least: int, most: int) -> dict[str, Any]:
    """The OpenAPI request body of a route that takes pictures."""
    files = {
        "type": "array",
        "minItems": least,
        "maxItems": most,
        "items": {"type": "string", "format": "binary"},
        "description": "Each JPEG, PNG, WebP, HEIC or TIFF of at most 16 MiB.",
    }
    schema = {"type": "object", "required": [field], "properties": {field: files}, "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def only_pictures(field: str, *, at_most: int) -> list[bytes]:
    """As :func:`sent_pictures`, of the current request, whose form has nothing else."""
    contents = sent_pictures(current_request, field, at_most=at_most)
    if unknown := (set(current_request.files) | set(current_request.form)) - {field}:
        raise bad_request(f"The form has an unknown field: {sorted(unknown)[0][:40]!r}.")
    return contents


def is_wanted() -> bool:
    """Whether the caller of the current request still waits for its answer."""
    return not is_gone(current_request.environ)
