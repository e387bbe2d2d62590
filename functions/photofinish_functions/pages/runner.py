"""The runner's pages: an album, a share link, and what is kept for the time without network."""

from __future__ import annotations

from flask import Blueprint, Response, request

from photofinish.domain.photo import is_album_name
from photofinish_functions.api.guarding import open_to_all, open_to_link_holders
from photofinish_functions.pages.rendering import Renderer
from photofinish_functions.pages.service_worker import worker_script


def add_runner(pages: Blueprint, renderer: Renderer) -> None:
    """Add the runner's pages to `pages`."""

    @pages.get("/a/<album>")
    @open_to_all("album_page")
    def album_page(album: str) -> Response:
        """The page of an album; what it shows, its scripts get from the API."""
        if not is_album_name(album):
            return renderer.page(request, "not_found.html", status=404)
        return renderer.page(request, "album.html", "runner", album=album)

    @pages.get("/s/<token>")
    @open_to_link_holders("share_page")
    def share_page(token: str) -> Response:  # noqa: ARG001  its script reads the token from the address
        """The page that opens a share link."""
        return renderer.page(request, "share.html", "runner")

    @pages.get("/offline")
    @open_to_all("offline_page")
    def offline_page() -> Response:
        """What the service worker shows while there is no network."""
        return renderer.page(request, "offline.html", "runner")

    @pages.get("/service-worker.js")
    @open_to_all("service_worker")
    def service_worker() -> Response:
        """The script that keeps static files; at the root, because it may only see pages below its own path."""
        answer = Response(worker_script(renderer.static), content_type="text/javascript; charset=utf-8")
        answer.headers["Cache-Control"] = "no-cache"
        answer.headers["Content-Security-Policy"] = "default-src 'none'; connect-src 'self'"
        return answer
