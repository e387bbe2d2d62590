"""The suppression list: people who want no face of theirs to be indexed, in one album or in all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, TypeAdapter

from photofinish.application.consent.liveness import liveness_of, require_live
from photofinish.domain.access import RateLimit, Reading, Scope
from photofinish.domain.album_policy import Indexing
from photofinish.domain.liveness import Liveness
from photofinish.domain.suppression import OptOut, OptOutSource
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.error_codes import UNFIT_SELFIE, fails_with
from photofinish_functions.api.guarding import audit, guarded, principal, spend
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, page_of, position
from photofinish_functions.api.patterns import UUID
from photofinish_functions.api.schemas import AlbumName, AlbumPath, Output, Parameters, new_blueprint
from photofinish_functions.api.sent_pictures import is_wanted, only_pictures, pictures_form
from photofinish_functions.refused import Refused

MAX_PICTURES = 3
MAX_PAGE = 200
OPT_OUTS_OF_VISITORS = RateLimit(per_second=3 / 86_400, burst=5)
"""Of a link and network, or of a user: nothing proves that a picture shows its sender, so no one removes many."""
OptOutId = Annotated[str, Field(pattern=UUID)]
_OPT_OUT_ID = TypeAdapter[str](OptOutId)


class OptOutPath(Parameters):
    album: AlbumName
    opt_out_id: OptOutId


class GlobalOptOutPath(Parameters):
    opt_out_id: OptOutId


class OptOutsQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="At most so many entries.")] = 50
    cursor: Cursor | None = None


class OptOutJson(Output):
    """An entry of the suppression list. Its templates are never answered."""

    opt_out_id: str = Field(description="Keep it, or give it to the person: it removes the entry again.")
    album: str | None = Field(description="null: all albums, also future ones.")
    source: OptOutSource
    person_id: str | None = Field(description="Of a withdrawal of consent: the person, until they are deleted.")
    templates: int = Field(description="How many pictures or faces of the person the entry was made of.")
    added_at: datetime
    added_by: str
    applied_at: datetime | None = Field(
        description="When the faces that were indexed before were gone; null until then. New ones are refused at once."
    )


class NewOptOut(Output):
    opt_out: OptOutJson
    erased_faces: int = Field(description="Faces that were indexed before, and are erased now.")
    liveness: Liveness


class OptOutsAnswer(Output):
    opt_outs: list[OptOutJson] = Field(description="Oldest first.")
    next_cursor: str | None = next_cursor()


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("opt-outs", "People whose faces are never indexed. Pictures are not stored.")
    pictures = pictures_form("picture", 1, MAX_PICTURES)

    @api.post("/albums/<album>/opt-outs", responses={201: NewOptOut}, openapi_extensions=pictures)
    @guarded(Scope.WRITE, "opt_out", pictures_cost=2, makes_album=True)
    @fails_with("too_many_pictures", "different_people", "not_live", *UNFIT_SELFIE)
    def opt_out(path: AlbumPath) -> tuple[dict[str, Any], int]:
        """Opt a person out of an album by one to three pictures of them, and erase their faces from it.

        The album need not have photos yet. Their faces on photos that come later keep a box and nothing else.
        """
        return _opt_out(services, path.album)

    @api.post("/albums/<album>/find-me/opt-out", responses={201: NewOptOut}, openapi_extensions=pictures)
    @guarded(Scope.SEARCH, "opt_out_myself", pictures_cost=2, reading=Reading.FIND_ME)
    @fails_with("opt_out_not_offered", "too_many_pictures", "different_people", "not_live", *UNFIT_SELFIE)
    def opt_out_myself(path: AlbumPath) -> tuple[dict[str, Any], int]:
        """Opt out of an album by one to three pictures of oneself, where its policy offers that (`indexing: opt_out`).

        For visitors and signed-in users; a caller has few attempts. Erased faces do not come back.
        """
        check_album(services, path.album)
        if services.album_policies.policy(path.album).indexing is not Indexing.OPT_OUT:
            raise Refused(403, "opt_out_not_offered", "Here organisers opt people out: ask the organiser of the event.")
        spend("opt_outs", OPT_OUTS_OF_VISITORS)
        return _opt_out(services, path.album)

    @api.get("/albums/<album>/opt-outs", responses={200: OptOutsAnswer})
    @guarded(Scope.WRITE, "list_opt_outs")
    def list_opt_outs(path: AlbumPath, query: OptOutsQuery) -> dict[str, Any]:
        """List who opted out of an album: ids and times, no names and no faces."""
        return _list(services, path.album, query)

    @api.delete("/albums/<album>/opt-outs/<opt_out_id>", responses={204: None})
    @guarded(Scope.WRITE, "remove_opt_out")
    @fails_with("unknown_opt_out")
    def remove_opt_out(path: OptOutPath) -> tuple[str, int]:
        """Remove a person from the suppression list of an album, by their wish. Erased faces do not come back."""
        return _remove(services, path.album, path.opt_out_id)

    @api.post("/opt-outs", responses={201: NewOptOut}, openapi_extensions=pictures)
    @guarded(Scope.ADMIN, "opt_out", pictures_cost=2)
    @fails_with("too_many_pictures", "different_people", "not_live", *UNFIT_SELFIE)
    def opt_out_of_all() -> tuple[dict[str, Any], int]:
        """Opt a person out of all albums, also future ones. For keys of all albums.

        Their faces are erased within minutes; `applied_at` in the list says when that is done.
        """
        return _opt_out(services, None)

    @api.get("/opt-outs", responses={200: OptOutsAnswer})
    @guarded(Scope.ADMIN, "list_opt_outs")
    def list_opt_outs_of_all(query: OptOutsQuery) -> dict[str, Any]:
        """List who opted out of all albums. For keys of all albums."""
        return _list(services, None, query)

    @api.delete("/opt-outs/<opt_out_id>", responses={204: None})
    @guarded(Scope.ADMIN, "remove_opt_out")
    @fails_with("unknown_opt_out")
    def remove_opt_out_of_all(path: GlobalOptOutPath) -> tuple[str, int]:
        """Remove a person from the suppression list of all albums, by their wish. For keys of all albums."""
        return _remove(services, None, path.opt_out_id)

    return api


def _opt_out(services: App, album: str | None) -> tuple[dict[str, Any], int]:
    contents = only_pictures("picture", at_most=MAX_PICTURES)
    for content in contents:
        require_live(content, services.liveness)
    faces = [face.embedding for face in services.pictures.people(contents, is_wanted=is_wanted)]
    entry, erased = services.opt_outs.opt_out(album, faces, by=principal().id)
    audit(target=entry.opt_out_id, count=erased)
    return NewOptOut(opt_out=_json(entry), erased_faces=erased, liveness=liveness_of(services.liveness)).model_dump(
        mode="json"
    ), 201


def _list(services: App, album: str | None, query: OptOutsQuery) -> dict[str, Any]:
    listing = ("opt-outs", album)
    after: str | None = position(listing, query.cursor, None, _OPT_OUT_ID)
    listed = services.suppression.opt_outs(album, limit=query.limit + 1, after=after)
    found, last = page_of(listed, query.limit, lambda one: one.opt_out_id)
    audit(count=len(found))
    return OptOutsAnswer(opt_outs=[_json(one) for one in found], next_cursor=cursor_after(listing, last)).model_dump(
        mode="json"
    )


def _remove(services: App, album: str | None, opt_out_id: str) -> tuple[str, int]:
    audit(target=opt_out_id)
    if not services.suppression.remove(album, opt_out_id):
        raise Refused(404, "unknown_opt_out", "The suppression list has no such entry.")
    return "", 204


def _json(entry: OptOut) -> OptOutJson:
    return OptOutJson.from_object(entry)
