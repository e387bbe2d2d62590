"""The organiser's console: one page, whose scripts show the view that the address names."""

from __future__ import annotations

from flask import Blueprint, Response, request

from photofinish_functions.api.guarding import open_to_all
from photofinish_functions.pages.rendering import Renderer


def add_console(pages: Blueprint, renderer: Renderer, live_origin: str | None) -> None:
    """Serve `/console` and every address below it, which needs no key: the scripts sign in."""

    @pages.get("/console")
    @pages.get("/console/<path:view>")
    @open_to_all("console")
    def console(view: str = "") -> Response:
        """The console of organisers."""
        del view  # of the scripts
        return renderer.page(request, "console.html", "console", live_origin=live_origin)
