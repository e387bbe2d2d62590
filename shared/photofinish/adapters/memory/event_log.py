"""The event log in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from photofinish.domain.album_event import (
    NOTHING_SHOWN,
    AlbumEvent,
    EventFilter,
    EventType,
    RecordedEvent,
    Shown,
    matches,
)
from photofinish.ports.event_log import EventPage


class MemoryEventLog:
    """:class:`photofinish.ports.EventLog`; threads may share it."""

    def __init__(self, is_erased: Callable[[str, int], bool] = lambda _photo_id, _generation: False) -> None:
        """`is_erased`: whether this generation of a photo is erased."""
        self._is_erased = is_erased
        self._lock = threading.Lock()
        self._recorded: list[RecordedEvent] = []
        self.photos: dict[str, Shown] = {}
        """Photo id → what it shows; tests set it."""

    def append(self, events: Sequence[AlbumEvent]) -> int:
        with self._lock:
            known = {recorded.event.id for recorded in self._recorded}
            new = [event for event in {event.id: event for event in events}.values() if event.id not in known]
            new = [event for event in new if not self._is_about_erased(event)]
            for event in sorted(new, key=lambda event: event.id):
                position = self._recorded[-1].position + 1 if self._recorded else 1
                self._recorded.append(RecordedEvent(event=event, position=position, recorded_at=datetime.now(UTC)))
            return len(new)

    def page(self, album: str | None, wanted: EventFilter, *, after: int, limit: int) -> EventPage:
        with self._lock:
            found = [one for one in self._wanted(album, wanted) if one.position > after][:limit]
            head = self._head()
        return EventPage(tuple(found), found[-1].position if len(found) == limit else max(after, head))

    def newest(self, album: str | None, wanted: EventFilter, *, before: int | None, limit: int) -> EventPage:
        with self._lock:
            found = [one for one in self._wanted(album, wanted) if before is None or one.position < before]
        found = found[::-1][:limit]
        return EventPage(tuple(found), found[-1].position if len(found) == limit else 0)

    def head(self) -> int:
        with self._lock:
            return self._head()

    def shown(self, photo_ids: Iterable[str]) -> dict[str, Shown]:
        return {photo_id: self.photos.get(photo_id, NOTHING_SHOWN) for photo_id in photo_ids}

    def make_room(self, until: datetime) -> None:
        pass

    def expire(self, before: datetime) -> None:
        month = before.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        with self._lock:
            self._recorded = [one for one in self._recorded if one.recorded_at >= month]

    def remove_repeated(self, photo_id: str) -> int:
        """Remove events about a photo whose fact an earlier event tells; return how many there were."""
        with self._lock:
            told, kept = set(), []
            for one in self._recorded:
                if one.event.photo_id != photo_id or one.event.id not in told:
                    kept.append(one)
                told.add(one.event.id)
            removed = len(self._recorded) - len(kept)
            self._recorded = kept
            return removed

    def _is_about_erased(self, event: AlbumEvent) -> bool:
        if event.photo_id is None or event.type is EventType.PHOTO_ERASED:
            return False
        return event.generation is not None and self._is_erased(event.photo_id, event.generation)

    def _wanted(self, album: str | None, wanted: EventFilter) -> list[RecordedEvent]:
        return [
            one
            for one in self._recorded
            if album in (None, one.event.album)
            and matches(one.event, wanted, self.photos.get(one.event.photo_id or "", NOTHING_SHOWN))
        ]

    def _head(self) -> int:
        return self._recorded[-1].position if self._recorded else 0
