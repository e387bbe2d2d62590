"""The Flask application of the API, and its OpenAPI document."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import IO

from flask import Flask, Request
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import SecuritySchemesDict
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Response
from werkzeug.wsgi import LimitedStream

from photofinish_functions.api.browsers import add_headers
from photofinish_functions.api.errors import ErrorAnswer, answer_errors, refuse_invalid
from photofinish_functions.api.guarding import MAX_PICTURES_BYTES, guard_routes
from photofinish_functions.api.request_ids import log_requests
from photofinish_functions.api.requests import InMemoryRequest, StrictJson
from photofinish_functions.api.routes import (
    access,
    bib_rules,
    clusters,
    enrolments,
    faces,
    health,
    matches,
    numbers,
    people,
    photos,
    search,
)
from photofinish_functions.api.services import Services

log = logging.getLogger(__name__)
VERSION = "1.0.0"
_DESCRIPTION = """Find people in the photos of an event: by selfie, bib number, name, text and time.

Every request carries an API key (`Authorization: Bearer KEY` or `X-Api-Key: KEY`) or a user's Firebase ID token, and
gets the id by which its logs are found in `X-Request-Id`. Boxes are fractions of the upright picture. Pictures that are
sent are in memory for as long as their request takes; they are never stored or logged.
"""
_SECURITY_SCHEMES: SecuritySchemesDict = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "`photofinish keys create`"},
    "Bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a Firebase ID token."},
}
_DRAIN_BYTES = 64 * 2**10


def make_app(services: Services, *, cors_origins: Collection[str] = ()) -> OpenAPI:
    """The application; `services` are made when a route first needs them.

    Pages of exactly `cors_origins` (`https://photos.example.org`) may call it from browsers.
    """
    app = OpenAPI(
        __name__,
        info=Info(title="photofinish", version=VERSION, description=_DESCRIPTION),
        security_schemes=_SECURITY_SCHEMES,
        validation_error_status=400,
        validation_error_model=ErrorAnswer,
        validation_error_callback=refuse_invalid,
        doc_ui=False,
        static_folder=None,
    )
    app.request_class = InMemoryRequest
    app.json = StrictJson(app)
    # An album's name decides what is found: no path is another one with a slash more or less.
    app.url_map.merge_slashes = False
    about_people = (people, enrolments, matches, numbers, clusters)
    for routes in (health, search, photos, faces, *about_people, bib_rules, access):
        app.register_api(routes.blueprint(services))
    log_requests(app)
    add_headers(app, cors_origins)
    guard_routes(app, lambda: services.gate)
    answer_errors(app)
    return app


def serve(app: Flask, request: Request) -> Response:
    """The answer of `app` to a request that another application, that of functions-framework, received.

    What `app` left of the body is read and thrown away, so that a client which is still sending hears why it was
    refused; functions-framework itself would keep all of it in memory.
    """
    body = request.environ["wsgi.input"]
    if request.content_length is not None:  # else it is chunked, and the server ends it
        body = LimitedStream(body, request.content_length)
        request.environ |= {"wsgi.input": body, "wsgi.input_terminated": True}
    answer = Response.from_app(app, request.environ, buffered=False)
    if request.environ.get("wsgi.input_terminated"):
        _throw_away(body)
    return answer


def _throw_away(body: IO[bytes]) -> None:
    left = MAX_PICTURES_BYTES
    try:
        while left > 0 and (read := body.read(min(_DRAIN_BYTES, left))):
            left -= len(read)
    except ClientDisconnected:
        log.info("the client went away before it had sent its whole request")
