"""Which events a caller asks for: the same parameters for pages of the log, live streams and WebSockets."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field, TypeAdapter

from photofinish.domain.album_event import EventFilter, EventType, ToldStatus
from photofinish.errors import InvalidQuery
from photofinish_functions.api.patterns import PHOTO_ID, UUID
from photofinish_functions.api.schemas import AwareTime, Parameters
from photofinish_functions.api.search_requests import Number, Text

POSITION = TypeAdapter[int](Annotated[int, Field(ge=0)])


class EventFilters(Parameters):
    type: list[EventType] | None = Field(None, description="Only events of these types, such as `photo.done`.")
    status: ToldStatus | None = Field(
        None, description="Only events about photos that reached this status: the same as `type=photo.STATUS`."
    )
    folder: Text | None = Field(None, description="Only events about photos of this folder below the album.")
    camera: Text | None = Field(None, description="Make and model, exactly as in the photo's metadata.")
    photo_id: Annotated[str, Field(pattern=PHOTO_ID)] | None = None
    person_id: Annotated[str, Field(pattern=UUID)] | None = Field(
        None, description="Only events about this person, and about photos that show them now."
    )
    bib: Number | None = Field(None, description="Only events about photos that have this number now.")
    batch_id: Annotated[str, Field(pattern=UUID)] | None = None
    occurred_from: AwareTime | None = Field(None, description="With a time zone; inclusive.")
    occurred_before: AwareTime | None = Field(None, description="With a time zone; exclusive.")

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


def query_of(album: str, wanted: EventFilter, order: str) -> object:
    """Return the query that a cursor belongs to; its `repr` is the same in every process."""
    types = None if wanted.types is None else sorted(wanted.types)  # the order of a set differs between processes
    return ("events", album, replace(wanted, types=None), types, order)


def _types(types: list[EventType] | None, status: ToldStatus | None) -> frozenset[EventType] | None:
    if status is None:
        return None if types is None else frozenset(types)
    if types is not None:
        raise InvalidQuery("Send `type` or `status`, not both.")
    return frozenset({status.event_type})
