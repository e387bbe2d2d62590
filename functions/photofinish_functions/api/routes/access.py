"""Who may search an album besides the holders of keys."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish_functions.api.guarding import guarded
from photofinish_functions.api.schemas import AlbumPath, Input, Output, new_blueprint
from photofinish_functions.api.services import Services

_USERS_MAY_SEARCH = "Whether everybody who is signed in with Firebase may search the album; false until it is set."


class AlbumAccessInput(Input):
    users_may_search: bool = Field(description=_USERS_MAY_SEARCH)


class AlbumAccess(Output):
    album: str
    users_may_search: bool = Field(description=_USERS_MAY_SEARCH)


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("access", "Who may search an album.")

    @api.get("/albums/<album>/access", responses={200: AlbumAccess})
    @guarded(Scope.ADMIN, "show_album_access")
    def get_album_access(path: AlbumPath) -> dict[str, Any]:
        """Who may search the album besides keys."""
        return _answer(path.album, services.access.users_may_search(path.album))

    @api.put("/albums/<album>/access", responses={200: AlbumAccess})
    @guarded(Scope.ADMIN, "set_album_access")
    def set_album_access(path: AlbumPath, body: AlbumAccessInput) -> dict[str, Any]:
        """Open the album to everybody who is signed in, or close it; takes effect within 5 seconds.

        An album can be opened before its first photo is there.
        """
        services.access.set_users_may_search(path.album, body.users_may_search)
        return _answer(path.album, body.users_may_search)

    return api


def _answer(album: str, users_may_search: bool) -> dict[str, Any]:
    return AlbumAccess(album=album, users_may_search=users_may_search).model_dump()
