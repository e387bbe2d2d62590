"""The Flask application of the API, and its OpenAPI document."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from http import HTTPStatus

from flask import Flask, Request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import SecuritySchemesDict
from werkzeug.wrappers import Response

from photofinish.wiring import App
from photofinish_functions.access.gate import Gate
from photofinish_functions.api import docs
from photofinish_functions.api.albums import has_album
from photofinish_functions.api.browsers import add_headers
from photofinish_functions.api.errors import ErrorAnswer, answer_errors, refuse_invalid
from photofinish_functions.api.guarding import guard_routes
from photofinish_functions.api.idempotency import answer_once
from photofinish_functions.api.request_ids import log_requests
from photofinish_functions.api.requests import InMemoryRequest, StrictJson
from photofinish_functions.api.routes import (
    access,
    analyze,
    audit,
    batches,
    bib_rules,
    bibs,
    cameras,
    clusters,
    consents,
    cost,
    downloads,
    enrolments,
    erasures,
    events,
    exports,
    faces,
    feedback,
    health,
    keys,
    matches,
    numbers,
    opt_outs,
    people,
    photos,
    pictures,
    policy,
    queue,
    receipts,
    search,
    sessions,
    shares,
    statistics,
    subject_access,
    subscription_links,
    subscriptions,
    webhooks,
    webhooks_of_all,
)
from photofinish_functions.api.telling import tell_of_changes
from photofinish_functions.compression import compress_lists
from photofinish_functions.pages import routes as pages
from photofinish_functions.request_bodies import DISCARD_WITHIN_S, RequestBody

VERSION = "1.0.0"
_DESCRIPTION = """Find people in the photos of an event by selfie, bib number, name, text and time.

Send an API key (`Authorization: Bearer KEY` or `X-Api-Key: KEY`), the Firebase ID token of a signed-in user or the
token of a session (`Authorization: Bearer TOKEN`) with every request. Pages of this host send their session as a
cookie. Every answer has a request id in `X-Request-Id`; include it when you report a problem. Boxes are fractions of
the upright picture. Pictures that you send are only kept in memory while their request is processed; they are never
stored or logged.
"""
_SECURITY_SCHEMES: SecuritySchemesDict = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "`photofinish keys create`"},
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, a Firebase ID token, or the token of a session.",
    },
}


def make_app(
    cloud: App,
    gate: Callable[[], Gate],
    *,
    cors_origins: Collection[str] = (),
    live_origin: str | None = None,
) -> OpenAPI:
    """Build the application: the API, and the pages for people. `gate` is called by every request that needs it.

    Pages of `cors_origins` (`https://photos.example.org`, `http://localhost:*`) may call it from browsers. Our own
    pages listen to the live streams of `live_origin`.
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
    # A path with one slash more is a different path: an album's name decides what is found.
    app.url_map.merge_slashes = False
    of_requests = (health, search, analyze)
    about_people = (people, enrolments, matches, numbers, clusters, consents, subject_access)
    about_albums = (batches, bib_rules, cameras, policy, opt_outs, access, shares, feedback, sessions)
    of_events = (events, statistics, cost, queue, webhooks, webhooks_of_all, subscriptions, subscription_links)
    about_photos = (photos, pictures, downloads, exports, bibs, faces)
    for routes in (
        *of_requests,
        *about_photos,
        *about_people,
        *about_albums,
        *of_events,
        erasures,
        receipts,
        keys,
        audit,
    ):
        _register(app, routes.blueprint(cloud))
    for without_key in (sessions.signing_in, downloads.fetching):
        _register(app, without_key(cloud))
    app.register_blueprint(docs.blueprint())
    app.register_blueprint(pages.blueprint(lambda: cloud.storage_origin, live_origin))
    log_requests(app)
    add_headers(app, cors_origins)
    compress_lists(app)
    tell_of_changes(app, lambda: cloud.webhook_messages)
    guard_routes(app, gate)
    answer_once(app, lambda: cloud.kept_answers)
    answer_errors(app, has_album=functools.partial(has_album, cloud))
    return app


def _register(app: OpenAPI, api: APIBlueprint) -> None:
    """Add routes. By itself, flask-openapi3 would document a path of two groups with the methods of the last one."""
    for path in api.paths.keys() & app.paths.keys():
        methods = {method: operation for method, operation in api.paths[path] if operation is not None}
        api.paths[path] = app.paths[path].model_copy(update=methods)
    app.register_api(api)


def serve(app: Flask, request: Request) -> Response:
    """Answer with `app` a request that functions-framework's application received.

    What `app` leaves of the body is discarded here; functions-framework would read it all into memory. A caller without
    a valid key is not waited for at all.
    """
    body = RequestBody(request.environ, request.content_length)
    answer = Response.from_app(app, request.environ, buffered=False)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        body.close()
    else:
        body.discard(DISCARD_WITHIN_S)
    return answer
