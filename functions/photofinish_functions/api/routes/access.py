"""Whether signed-in users may search an album."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish_functions.api.guarding import guarded
from photofinish_functions.api.schemas import AlbumPath, Input, Output, new_blueprint
from photofinish_functions.api.services import Services

_USERS_MAY_SEARCH = "Whether all users who are signed in with Firebase may search the album. The default is false."


class AlbumAccessInput(Input):
    users_may_search: bool = Field(description=_USERS_MAY_SEARCH)


class AlbumAccess(Output):
    album: str
    users_may_search: bool = Field(description=_USERS_MAY_SEARCH)


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("access", "Allow signed-in users to search an album.")

    @api.get("/albums/<album>/access", responses={200: AlbumAccess})
    @guarded(Scope.ADMIN, "show_album_access")
    def get_album_access(path: AlbumPath) -> dict[str, Any]:
        """Show whether signed-in users may search the album."""
        return _answer(path.album, services.access.users_may_search(path.album))

    @api.put(
        "/albums/<album>/access",
        responses={200: AlbumAccess},
        description="Takes effect within 5 seconds. The album need not have photos yet.",
    )
    @guarded(Scope.ADMIN, "set_album_access")
    def set_album_access(path: AlbumPath, body: AlbumAccessInput) -> dict[str, Any]:
        """Allow or forbid all signed-in users to search the album."""
        services.access.set_users_may_search(path.album, body.users_may_search)
        return _answer(path.album, body.users_may_search)

    return api


def _answer(album: str, users_may_search: bool) -> dict[str, Any]:
    return AlbumAccess(album=album, users_may_search=users_may_search).model_dump()
