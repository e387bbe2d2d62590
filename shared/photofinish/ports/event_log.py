"""The log of what happened to albums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.album_event import AlbumEvent, EventFilter, RecordedEvent, Shown


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some of the wanted events, in the order asked for."""

    events: tuple[RecordedEvent, ...]
    position: int
    """Where to go on: the last event's position, or that up to which there are no more wanted events."""


class EventLog(Protocol):
    """An append-only log.

    Facts that Postgres holds are recorded in their own transaction, by its adapters; others through :meth:`append`.
    """

    def append(self, events: Sequence[AlbumEvent]) -> int:
        """Record facts, and return how many are new.

        One that is recorded already changes nothing, nor does one about a photo that is erased.
        """
        ...

    def page(self, album: str | None, wanted: EventFilter, *, after: int, limit: int) -> EventPage:
        """Return up to `limit` events of `album` (None: of all) with positions above `after`, oldest first.

        A reader that goes on from :attr:`EventPage.position` gets every event once, also those of transactions that
        commit in another order than they began.
        """
        ...

    def newest(self, album: str | None, wanted: EventFilter, *, before: int | None, limit: int) -> EventPage:
        """Return up to `limit` events with positions below `before` (None: from the newest on), newest first."""
        ...

    def head(self) -> int:
        """Return the position up to which the log is complete: a reader that starts there gets only what comes."""
        ...

    def shown(self, photo_ids: Iterable[str]) -> Mapping[str, Shown]:
        """Return what these photos show now, for :func:`photofinish.domain.album_event.matches`."""
        ...

    def make_room(self, until: datetime) -> None:
        """Prepare the log for events up to then; call it daily."""
        ...

    def expire(self, before: datetime) -> None:
        """Remove whole months of events recorded before then."""
        ...
