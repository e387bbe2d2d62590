"""Pictures in a multipart form."""

from __future__ import annotations

from flask import Request
from werkzeug.exceptions import UnsupportedMediaType

from photofinish.application.pictures import MAX_PICTURE_BYTES
from photofinish_functions.api.errors import bad_request, too_large
from photofinish_functions.refused import Refused


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
