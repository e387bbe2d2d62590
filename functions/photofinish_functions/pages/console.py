"""The organiser's console: one page, whose scripts show the view that the address names."""

from __future__ import annotations

from collections.abc import Container

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from photofinish_functions.api.guarding import open_to_all
from photofinish_functions.pages.rendering import Renderer


def add_console(pages: Blueprint, renderer: Renderer, live_origin: str | None) -> None:
    """Serve `/console` and every address below it, which needs no key: the scripts sign in."""

    @pages.get("/console/")
    @open_to_all("console_with_slash")
    def console_with_slash() -> BaseResponse:
        """The way to the console for those who type its address with a slash at the end."""
        return redirect("/console", 308)

    @pages.get("/console")
    @pages.get("/console/<path:view>")
    @open_to_all("console")
    def console(view: str = "") -> Response:
        """The console of organisers."""
        also = _module_of(view, renderer.static.files)
        return renderer.page(request, "console.html", "console", live_origin=live_origin, also=also)


def _module_of(view: str, files: Container[str]) -> list[str]:
    """The module that `main.js` will import to show a view (`albums/spring-10k/photos`); empty if it is not known."""
    parts = view.split("/")
    name = "albums" if len(parts) < 2 else parts[2] if len(parts) > 2 else "overview"
    return [module for module in (f"console/{name}.js", f"console/{name}/view.js") if module in files]
