"""What signed-in users may do in an album."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import AlbumAccess, Scope
from photofinish.domain.photo import check_visible
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import guarded
from photofinish_functions.api.schemas import AlbumPath, Input, Output, new_blueprint
from photofinish_functions.refused import Refused

_USERS_MAY_SEARCH = (
    "Whether users who are signed in with Firebase may find themselves in the album by selfie or bib number. They see "
    "only their own matches: no list of photos, no people, no names."
)
_USERS_MAY_BROWSE = (
    "Whether they may list and show all photos, too, here and in Firestore. Only where `users_may_search` is true."
)
_ANONYMOUS_USERS = "Whether users who signed in anonymously count as signed in: anyone on the internet can."


class AlbumAccessInput(Input):
    """What is left out is false."""

    users_may_search: bool = Field(description=_USERS_MAY_SEARCH)
    users_may_browse: bool = Field(False, description=_USERS_MAY_BROWSE)
    anonymous_users: bool = Field(False, description=_ANONYMOUS_USERS)


class AlbumAccessJson(Output):
    album: str
    users_may_search: bool = Field(description=_USERS_MAY_SEARCH)
    users_may_browse: bool = Field(description=_USERS_MAY_BROWSE)
    anonymous_users: bool = Field(description=_ANONYMOUS_USERS)


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("access", "Allow signed-in users to search an album.")

    @api.get("/albums/<album>/access", responses={200: AlbumAccessJson})
    @guarded(Scope.ADMIN, "show_album_access")
    def show_album_access(path: AlbumPath) -> dict[str, Any]:
        """Show what signed-in users may do in the album."""
        return _answer(path.album, services.access.album_access(path.album))

    @api.put(
        "/albums/<album>/access",
        responses={200: AlbumAccessJson},
        description="Takes effect within 5 seconds, in Firestore at once. The album need not have photos yet. After a "
        "503, Firestore follows within minutes; send the request again to know when.",
    )
    @guarded(Scope.ADMIN, "set_album_access", makes_album=True)
    @fails_with("invalid_value")
    def set_album_access(path: AlbumPath, body: AlbumAccessInput) -> dict[str, Any]:
        """Set what all signed-in users may do in the album."""
        try:
            access = AlbumAccess(**body.model_dump())
        except ValueError as error:
            raise Refused(422, "invalid_value", f"{error}.") from None
        if access.users_may_search:
            check_visible(path.album)
        services.access.set_album_access(path.album, access)
        services.access_projector.project(path.album)
        return _answer(path.album, access)

    return api


def _answer(album: str, access: AlbumAccess) -> dict[str, Any]:
    return AlbumAccessJson.from_object(access, album=album).model_dump()
