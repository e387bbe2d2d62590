"""Reads an album's event log: what is there, and then what comes, over interruptions of the API."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from photofinish.domain.album_event import EventType
from photofinish.errors import NotFound, Unavailable
from photofinish_cli import api_client

POLL_EVERY_S = 1.0
LONGEST_PAUSE_S = 30.0
_PAGE = 1000
_ERASED = f"photofinish.{EventType.ALBUM_ERASED}"
Answer = TypeVar("Answer")
Page = Sequence[Mapping[str, Any]]


class EventReader:
    """Reads the events of one query: the newest, then what comes later."""

    def __init__(self, album: str, query: Mapping[str, Any]) -> None:
        self._album = album
        self._query = query
        self._later_cursor: str | None = None

    def newest(self, limit: int | None) -> list[Mapping[str, Any]]:
        """Return up to `limit` events (None: all), the newest last."""
        found: list[Mapping[str, Any]] = []
        cursor = None
        while True:
            wanted = _PAGE if limit is None else min(_PAGE, limit - len(found))
            page = self._ask(order="newest_first", limit=max(wanted, 1), cursor=cursor)
            self._later_cursor = self._later_cursor or page["later_cursor"]
            found += page["events"][: max(wanted, 0)]
            cursor = page["next_cursor"]
            if cursor is None or len(found) == limit:
                return found[::-1]

    def later(self) -> Iterator[Page]:
        """Yield what was recorded since, oldest first."""
        while True:
            page = self._ask(order="oldest_first", limit=_PAGE, cursor=self._later_cursor)
            self._later_cursor = page["next_cursor"]
            if page["events"]:
                yield page["events"]
            if len(page["events"]) < _PAGE:
                return

    def _ask(self, **query: Any) -> dict[str, Any]:
        return api_client.in_album("GET", self._album, "/events", params={**self._query, **query})


class Follower:
    """Goes on reading while the API comes and goes, until the album is erased."""

    def __init__(
        self,
        album: str,
        query: Mapping[str, Any],
        *,
        tell: Callable[[str], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`tell` is called with remarks for the user: what is waited for, and why."""
        self._album = album
        self._events = EventReader(album, query)
        # A filter leaves out the event that says that there will be no more.
        is_filtered = any(value is not None for value in query.values())
        self._erasures = EventReader(album, {"type": [EventType.ALBUM_ERASED.value]}) if is_filtered else None
        self._tell = tell
        self._pause = pause

    def follow(self, limit: int | None) -> Iterator[Page]:
        """Yield up to `limit` of the newest events (None: all), then what comes; return once the album is erased."""
        found = self._asked(lambda: self._first(limit))
        if found is None:
            self._tell(f"{self._album} has no photo yet: waiting for the first")
        while found is None:
            self._pause(POLL_EVERY_S)
            found = self._asked(lambda: self._first(None))
        yield found
        while True:
            self._pause(POLL_EVERY_S)
            pages, is_erased = self._asked(self._next)
            yield from pages
            if is_erased:
                self._tell(f"{self._album} was erased: nothing more will happen to it")
                return

    def _first(self, limit: int | None) -> Page | None:
        """None: the album is not known yet."""
        try:
            if self._erasures is not None:
                self._erasures.newest(0)
            return self._events.newest(limit)
        except NotFound:
            return None

    def _next(self) -> tuple[list[Page], bool]:
        """What came, and whether the album was erased."""
        try:
            pages = list(self._events.later())
            told = pages if self._erasures is None else list(self._erasures.later())
        except NotFound:
            return [], True
        return pages, any(event["type"] == _ERASED for page in told for event in page)

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        """What `ask` returns, as soon as the API answers."""
        pause_s, is_lost = POLL_EVERY_S, False
        while True:
            try:
                answer = ask()
            except Unavailable as error:
                if not is_lost:
                    self._tell(f"{error}; trying again until it answers")
                    is_lost = True
                self._pause(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads clients
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                if is_lost:
                    self._tell("the API answers again")
                return answer
