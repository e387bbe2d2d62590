"""What happened to an album: its event log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from flask_openapi3.blueprint import APIBlueprint
from pydantic import AwareDatetime, Field, TypeAdapter

from photofinish.domain.access import Scope
from photofinish.domain.album_event import EventFilter, EventType, cloud_event
from photofinish.domain.photo import PhotoStatus
from photofinish.errors import InvalidQuery
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.paging import Cursor, cursor_after, position
from photofinish_functions.api.patterns import PHOTO_ID, UUID
from photofinish_functions.api.schemas import AlbumPath, Output, Parameters, example, new_blueprint
from photofinish_functions.api.search_requests import Number, Text

MAX_EVENTS = 1000
_POSITION = TypeAdapter[int](Annotated[int, Field(ge=0)])
_TYPES_OF_STATUS = {
    PhotoStatus.QUEUED: EventType.PHOTO_QUEUED,
    PhotoStatus.DONE: EventType.PHOTO_DONE,
    PhotoStatus.REJECTED: EventType.PHOTO_REJECTED,
    PhotoStatus.FAILED: EventType.PHOTO_FAILED,
    PhotoStatus.ERASED: EventType.PHOTO_ERASED,
}


class EventsQuery(Parameters):
    type: list[EventType] | None = Field(None, description="Only events of these types, such as `photo.done`.")
    status: (
        Literal[PhotoStatus.QUEUED, PhotoStatus.DONE, PhotoStatus.REJECTED, PhotoStatus.FAILED, PhotoStatus.ERASED]
        | None
    ) = Field(None, description="Only events about photos that reached this status: the same as `type=photo.STATUS`.")
    folder: Text | None = Field(None, description="Only events about photos of this folder below the album.")
    camera: Text | None = Field(None, description="Make and model, exactly as in the photo's metadata.")
    photo_id: Annotated[str, Field(pattern=PHOTO_ID)] | None = None
    person_id: Annotated[str, Field(pattern=UUID)] | None = Field(
        None, description="Only events about this person, and about photos that show them now."
    )
    bib: Number | None = Field(None, description="Only events about photos that have this number now.")
    batch_id: Annotated[str, Field(pattern=UUID)] | None = None
    occurred_from: AwareDatetime | None = Field(None, description="With a time zone; inclusive.")
    occurred_before: AwareDatetime | None = Field(None, description="With a time zone; exclusive.")
    order: Literal["oldest_first", "newest_first"] = "oldest_first"
    limit: Annotated[int, Field(ge=1, le=MAX_EVENTS, description="Maximum number of events.")] = 100
    cursor: Cursor | None = None

    def wanted(self) -> EventFilter:
        """Raises InvalidQuery."""
        return EventFilter(
            types=_types(self.type, self.status),
            folder=None if self.folder is None else self.folder.strip("/"),
            camera=self.camera,
            photo_id=self.photo_id,
            person_id=self.person_id,
            bib=self.bib,
            batch_id=self.batch_id,
            occurred_from=self.occurred_from,
            occurred_before=self.occurred_before,
        )


class Event(Output):
    """A CloudEvent 1.0."""

    specversion: Literal["1.0"]
    id: str = Field(description="The same for the same fact: an event that comes twice has one id.")
    source: str = Field(json_schema_extra=example("/v1/albums/spring-10k"))
    type: str = Field(json_schema_extra=example("photofinish.photo.done"))
    subject: str | None = Field(
        None, description="What it is about, below the album.", json_schema_extra=example("photos/" + "0" * 32)
    )
    time: datetime = Field(description="When it happened.")
    datacontenttype: Literal["application/json"]
    sequence: str = Field(
        description="Increases from event to event of the log, and compares as text.",
        json_schema_extra=example("000000000000004711"),
    )
    data: dict[str, Any] = Field(description="Ids and counts; never names, numbers, embeddings or pictures.")


class Events(Output):
    events: list[Event]
    next_cursor: str | None = Field(
        description="Send it as `cursor` to go on. Oldest first there is always one; newest first it is null on "
        "the last page."
    )
    later_cursor: str | None = Field(
        None,
        description="On the first page newest first: send it as `cursor` with `order=oldest_first` to go on with what "
        "comes later.",
    )


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("events", "Read what happened to an album, in one order that misses nothing.")

    @api.get("/albums/<album>/events", responses={200: Events})
    @guarded(Scope.SEARCH, "list_events")
    @fails_with("invalid_query", "unknown_album")
    def list_events(path: AlbumPath, query: EventsQuery) -> dict[str, Any]:
        """List events of an album.

        Oldest first, every page has a `next_cursor`, also one that is not full: it goes on with what comes later.
        """
        wanted = query.wanted()
        asked = ("events", path.album, wanted, query.order)
        last = position(asked, query.cursor, None, _POSITION)
        later = None
        if query.order == "oldest_first":
            page = services.event_log.page(path.album, wanted, after=last or 0, limit=query.limit)
            cursor = cursor_after(asked, page.position)
        else:
            if last is None:
                head = services.event_log.head()
                later, last = cursor_after(("events", path.album, wanted, "oldest_first"), head), head + 1
            page = services.event_log.newest(path.album, wanted, before=last, limit=query.limit)
            cursor = cursor_after(asked, page.position or None)
        if not page.events:
            check_album(services, path.album)
        audit(count=len(page.events))
        return Events(
            events=[Event.model_validate(cloud_event(recorded)) for recorded in page.events],
            next_cursor=cursor,
            later_cursor=later,
        ).model_dump(mode="json")

    return api


def _types(types: list[EventType] | None, status: PhotoStatus | None) -> frozenset[EventType] | None:
    if status is None:
        return None if types is None else frozenset(types)
    if types is not None:
        raise InvalidQuery("Send `type` or `status`, not both.")
    return frozenset({_TYPES_OF_STATUS[status]})
