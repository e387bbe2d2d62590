"""The addresses of the pages. None needs a key: a page has no data of its own, its scripts call the API for it."""

from __future__ import annotations

import functools
from collections.abc import Callable

from flask import Blueprint, Response, request

from photofinish_functions.api.guarding import open_to_all
from photofinish_functions.compression import compress
from photofinish_functions.pages.console import add_console
from photofinish_functions.pages.headers import page_headers
from photofinish_functions.pages.messages import Catalogue
from photofinish_functions.pages.rendering import Renderer
from photofinish_functions.pages.runner import add_runner
from photofinish_functions.pages.static_files import StaticFiles

_IMMUTABLE = "public, max-age=31536000, immutable"
_FOR_A_DAY = "public, max-age=86400"
_COMPRESSED = ("text/", "image/svg", "application/")


def blueprint(storage_origin: Callable[[], str], live_origin: str | None) -> Blueprint:
    """All pages. They may show pictures of `storage_origin`, asked for once, and listen to streams of `live_origin`."""
    pages = Blueprint("pages", __name__, template_folder="templates", static_folder=None)
    static = StaticFiles.load()
    storage = functools.cache(storage_origin)
    renderer = Renderer(
        static=static, catalogue=Catalogue.load(), headers=lambda styles: page_headers(storage(), live_origin, styles)
    )

    @pages.get("/static/<version>/<path:name>")
    @open_to_all("static_file")
    def static_file(version: str, name: str) -> Response:
        found = static.files.get(name)
        if found is None:
            return renderer.page(request, "not_found.html", status=404)
        answer = Response(found.content, content_type=found.content_type)
        if found.content_type.startswith(_COMPRESSED):
            compress(answer, request, found.gzipped)
        # While a new revision takes over, a page of one may ask an instance of the other: it gets what is there.
        answer.headers["Cache-Control"] = _IMMUTABLE if version == static.version else "no-store"
        return answer

    @pages.get("/favicon.ico")
    @open_to_all("icon")
    def icon() -> Response:
        """The icon for browsers that ask for it by this name, as they do wherever no page names another."""
        found = static.files["favicon.ico"]
        return Response(found.content, content_type=found.content_type, headers={"Cache-Control": _FOR_A_DAY})

    @pages.get("/components")
    @open_to_all("page_of_components")
    def components() -> Response:
        """Every component in every state, to look at and to test."""
        return renderer.page(request, "components.html", "components", "runner")

    add_runner(pages, renderer)
    add_console(pages, renderer, live_origin)
    return pages
