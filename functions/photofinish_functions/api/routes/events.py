"""What happened to an album: its event log."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Reading, Scope
from photofinish.domain.album_event import check_position, cloud_event
from photofinish.wiring import App
from photofinish_functions.access.live_tickets import TICKET_S, LiveTickets
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.event_filters import POSITION, EventFilters, query_of
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.paging import Cursor, cursor_after, position
from photofinish_functions.api.schemas import AlbumPath, Output, example, new_blueprint

MAX_EVENTS = 1000


class EventsQuery(EventFilters):
    order: Literal["oldest_first", "newest_first"] = "oldest_first"
    limit: Annotated[int, Field(ge=1, le=MAX_EVENTS, description="Maximum number of events.")] = 100
    cursor: Cursor | None = None


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


class EventTicket(Output):
    ticket: str = Field(
        description="Send it as `ticket` in the URL of a live stream.", json_schema_extra=example("WyJrZXki.q2hXbGd")
    )
    expires_in_s: int = Field(description="It must be used within this time.", json_schema_extra=example(60))


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
        asked = query_of(path.album, wanted, query.order)
        last = position(asked, query.cursor, None, POSITION)
        later = None
        if query.order == "oldest_first":
            page = services.event_log.page(path.album, wanted, after=last or 0, limit=query.limit)
            if last is not None and not page.events:
                check_position(last, services.event_log.head())
            cursor = cursor_after(asked, page.position)
        else:
            if last is None:
                head = services.event_log.head()
                later, last = cursor_after(query_of(path.album, wanted, "oldest_first"), head), head + 1
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

    @api.post("/albums/<album>/events/tickets", responses={201: EventTicket})
    @guarded(Scope.SEARCH, "create_event_ticket", reading=Reading.BROWSE)
    @fails_with("unknown_album")
    def create_event_ticket(path: AlbumPath) -> tuple[dict[str, Any], int]:
        """Make a ticket that opens one live stream of the album, for browsers.

        An EventSource or a WebSocket of a browser cannot send a key, and a key must never be in a URL. A ticket may:
        it is valid for a minute, for one connection, with the caller's rights: who may only browse the album gets the
        events of its photos.
        """
        tickets = LiveTickets(services.access_settings.pepper)
        check_album(services, path.album)
        caller = principal()
        text = tickets.ticket(caller.kind, caller.id, path.album, reading=caller.reading)
        return EventTicket(ticket=text, expires_in_s=TICKET_S).model_dump(mode="json"), HTTPStatus.CREATED

    return api
