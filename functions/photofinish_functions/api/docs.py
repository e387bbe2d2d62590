"""The API's documentation as a page: Swagger UI over the OpenAPI document, from this service alone."""

from __future__ import annotations

import functools
import gzip
from collections.abc import Callable
from importlib import resources

from flask import Blueprint, Response, request

from photofinish_functions.api.guarding import open_to_all
from photofinish_functions.api.schemas import PREFIX

_PACKAGE = "flask_openapi3_swagger"
_ASSETS = {
    "swagger-ui.css": ("templates/swagger/css/swagger-ui.css", "text/css"),
    "swagger-ui.js": ("templates/swagger/js/swagger-ui-bundle.js", "text/javascript"),
}
_HTML = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>photofinish API</title>
<link rel="icon" href="/favicon.ico">
<link rel="stylesheet" href="{PREFIX}/docs/swagger-ui.css">
<body>
<div id="swagger-ui"></div>
<script src="{PREFIX}/docs/swagger-ui.js"></script>
<script src="{PREFIX}/docs/start.js"></script>
</body>
</html>
"""
# Swagger UI has no validator of others asked, and forgets the key that is typed in when the page is left.
_START = f"""SwaggerUIBundle({{
  url: "{PREFIX}/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
}});
"""
_POLICY = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "connect-src": "'self'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "img-src": "'self' data:",
    "script-src": "'self'",
    "style-src": "'self'",
}
_CACHED_FOR_S = 86_400


def blueprint() -> Blueprint:
    """The page and its files: HTML without scripts in it, so that the browser may be told to run no others."""
    docs = Blueprint("docs", __name__, url_prefix=f"{PREFIX}/docs")

    @docs.get("")
    @open_to_all("docs")
    def page() -> Response:
        answer = Response(_HTML, content_type="text/html; charset=utf-8")
        answer.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in _POLICY.items())
        return answer

    @docs.get("/start.js")
    @open_to_all("docs")
    def start() -> Response:
        return _cached(Response(_START, content_type="text/javascript; charset=utf-8"))

    for name in _ASSETS:
        docs.add_url_rule(f"/{name}", endpoint=name.replace(".", "_"), view_func=open_to_all("docs")(_sender(name)))
    return docs


def _sender(name: str) -> Callable[[], Response]:
    """A view that sends one of Swagger UI's files; they are read when the first one asks."""

    @functools.cache
    def compressed() -> bytes:
        return gzip.compress(resources.files(_PACKAGE).joinpath(_ASSETS[name][0]).read_bytes(), mtime=0)

    def send() -> Response:
        answer = Response(compressed(), content_type=f"{_ASSETS[name][1]}; charset=utf-8")
        answer.content_encoding = "gzip"  # which every browser takes
        return _cached(answer)

    return send


def _cached(answer: Response) -> Response:
    answer.headers["Cache-Control"] = f"public, max-age={_CACHED_FOR_S}"
    answer.add_etag()
    answer.make_conditional(request)
    return answer
