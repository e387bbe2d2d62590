"""What callers say about the faces that a search found for them: suggestions for organisers, which change nothing."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from flask import request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, TypeAdapter

from photofinish.domain.access import Reading, Scope
from photofinish.wiring import App
from photofinish_functions.access.caller_hashes import caller_hash
from photofinish_functions.access.callers import session_token
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, page_of, position
from photofinish_functions.api.patterns import PHOTO_ID, UUID
from photofinish_functions.api.schemas import AlbumPath, Input, Output, Parameters, new_blueprint
from photofinish_functions.refused import Refused

MAX_FACES = 200
_PLACE = TypeAdapter(Annotated[str, Field(pattern=r"^[^ ]{1,40} [0-9a-f-]{36}$")])


class FeedbackInput(Input):
    photo_id: str = Field(pattern=PHOTO_ID)
    face_id: str = Field(pattern=UUID, description="Of the found photo: `face.face_id`, or `bib.face_id`.")
    is_me: bool


class FeedbackQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_FACES, description="Maximum number of faces.")] = 50
    cursor: Cursor | None = None


class FaceFeedbackJson(Output):
    photo_id: str = Field(pattern=PHOTO_ID)
    face_id: str = Field(pattern=UUID)
    yes: int = Field(description="How many callers said that it is their face.")
    no: int = Field(description="How many said that it is not.")
    last_at: datetime


class FeedbackAnswer(Output):
    faces: list[FaceFeedbackJson] = Field(description="The faces with the latest opinions first.")
    next_cursor: str | None = next_cursor()


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("sharing", "Give people links to an album.", name="feedback")

    @api.post(
        "/albums/<album>/find-me/feedback",
        responses={204: None},
        description="Organisers see it as a suggestion. It confirms and rejects nothing, because visitors cannot prove "
        "whose face it is. A caller has one opinion of a face, the latest.",
    )
    @guarded(Scope.SEARCH, "give_feedback", reading=Reading.FIND_ME)
    @fails_with("unknown_face")
    def give_feedback(path: AlbumPath, body: FeedbackInput) -> tuple[str, int]:
        """Say whether a face that a search found is the caller's."""
        audit(target=body.face_id)
        caller = caller_hash(services.access_settings.pepper, principal(), session_token(request))
        known = services.find_me_feedback.give(path.album, body.photo_id, body.face_id, caller=caller, is_me=body.is_me)
        if not known:
            raise Refused(404, "unknown_face", "This photo has no face with this id: show the photo to see its faces.")
        return "", HTTPStatus.NO_CONTENT

    @api.get("/albums/<album>/find-me/feedback", responses={200: FeedbackAnswer})
    @guarded(Scope.WRITE, "list_feedback")
    def list_feedback(path: AlbumPath, query: FeedbackQuery) -> dict[str, Any]:
        """List what callers said about faces, to confirm or reject them by hand."""
        asked = f"feedback {path.album}"
        last = position(asked, query.cursor, None, _PLACE)
        found = services.find_me_feedback.of_album(path.album, limit=query.limit + 1, after=_after(last))
        if not found:
            check_album(services, path.album)
        shown, place = page_of(found, query.limit, lambda one: f"{one.last_at.isoformat()} {one.face_id}")
        audit(count=len(shown))
        faces = [FaceFeedbackJson.from_object(one) for one in shown]
        return FeedbackAnswer(faces=faces, next_cursor=cursor_after(asked, place)).model_dump(mode="json")

    return api


def _after(place: str | None) -> tuple[datetime, str] | None:
    if place is None:
        return None
    at, _, face_id = place.partition(" ")
    return datetime.fromisoformat(at), face_id
