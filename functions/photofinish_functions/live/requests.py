"""What a request for a live stream asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import HTTPConnection
from starlette.requests import Request as StarletteRequest
from werkzeug.datastructures import Headers
from werkzeug.sansio.request import Request

from photofinish_functions.api.errors import bad_request, refuse_invalid
from photofinish_functions.api.event_filters import POSITION, EventFilters, query_of
from photofinish_functions.api.paging import Cursor, position
from photofinish_functions.api.schemas import AlbumName, Parameters
from photofinish_functions.live.feed import Topic
from photofinish_functions.refused import Refused

_MAX_POSITION = 10**18 - 1
SubscriptionName = Annotated[
    str, Field(min_length=1, max_length=64, description="The client's name for it; else the album's.")
]
_STREAM = re.compile(r"/v1/albums/([^/]+)/events/stream")
_LISTS = ("type",)


class StreamQuery(EventFilters):
    """Filters, and where to start: after `after` or `cursor`; without them, with what comes from now on."""

    after: Annotated[int, Field(ge=0, le=_MAX_POSITION)] | None = None
    cursor: Cursor | None = None

    def topic(self, album: str) -> Topic:
        """Raises InvalidQuery."""
        return Topic(album, self.wanted())

    def start(self, album: str, last_event_id: str | None = None) -> int | None:
        """Return the position to resume after; None: start now.

        `last_event_id` goes before the parameters: a browser that connects again sends it with its first URL.

        Raises:
            InvalidQuery: the cursor is of another query, or `after` is sent with it.
        """
        if last_event_id is not None:
            return int(last_event_id)
        return position(query_of(album, self.wanted(), "oldest_first"), self.cursor, self.after, POSITION)


class Subscribe(StreamQuery):
    """A message of a WebSocket, with the same filters."""

    action: Literal["subscribe"]
    album: AlbumName
    subscription: SubscriptionName | None = None


class Unsubscribe(Parameters):
    action: Literal["unsubscribe"]
    subscription: SubscriptionName


class Ping(Parameters):
    action: Literal["ping"]


Message = Annotated[Subscribe | Unsubscribe | Ping, Field(discriminator="action")]
_MESSAGE = TypeAdapter[Subscribe | Unsubscribe | Ping](Message)


def parsed_message(text: str) -> Subscribe | Unsubscribe | Ping:
    """Parse what a client sent on a WebSocket; raises Refused."""
    try:
        return _MESSAGE.validate_json(text)
    except ValidationError as error:
        refuse_invalid(error)


def parsed_query(connection: HTTPConnection) -> StreamQuery:
    """Parse the query, but for its ticket; raises Refused."""
    try:
        return StreamQuery.model_validate(_parameters(connection))
    except ValidationError as error:
        refuse_invalid(error)


def album_of(request: StarletteRequest) -> str:
    """Return the album of the path, whose route functions-framework does not know; raises Refused."""
    found = _STREAM.fullmatch(request.scope["path"])
    if found is None:
        raise Refused(404, "unknown_path", "There is nothing at this path. See docs/events.md for the live streams.")
    if request.method != "GET":
        raise Refused(405, "method_not_allowed", "Use GET.", {"Allow": "GET"})
    try:
        return TypeAdapter[str](AlbumName).validate_python(found[1])
    except ValidationError as error:
        refuse_invalid(error)


def last_event_id(connection: HTTPConnection) -> str | None:
    """Return the header `Last-Event-ID`, if it is one of ours; raises Refused."""
    text = connection.headers.get("Last-Event-ID", "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise bad_request("Last-Event-ID must be the `id` of an event of this stream.")
    return text


def request_head(connection: HTTPConnection) -> Request:
    """Return the headers of a connection as the gate reads them."""
    scope = connection.scope
    return Request(
        method=scope.get("method", "GET"),
        scheme=scope["scheme"],
        server=None,
        root_path="",
        path=scope["path"],
        query_string=b"",  # has the ticket
        headers=Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]),
        remote_addr=connection.client.host if connection.client else None,
    )


def _parameters(connection: HTTPConnection) -> Mapping[str, Any]:
    sent = connection.query_params
    return {name: sent.getlist(name) if name in _LISTS else sent[name] for name in sent if name != "ticket"}
