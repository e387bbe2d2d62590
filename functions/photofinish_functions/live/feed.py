"""What waits to be sent to one reader of a topic."""

from __future__ import annotations

import asyncio
import functools
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from photofinish.domain.album_event import EventFilter, RecordedEvent, cloud_event

MAX_WAITING = 64
"""Batches that may wait for a reader: some twelve seconds of events, and then it is too slow."""
HEARTBEAT_S = 15.0
_GIVE_UP_AFTER_S = 5.0


class Ending(Enum):
    """Why a stream ends: its code, a sentence, and the close code of a WebSocket (RFC 6455, 7.4, and IANA's list)."""

    TOO_SLOW = "too_slow", "You read slower than events come. Connect again and resume after the last event.", 1013
    RESTARTING = "restarting", "The server restarts. Connect again and resume after the last event.", 1012
    TIME_IS_UP = "time_is_up", "A connection lasts an hour at most. Connect again and resume.", 1012
    REVOKED = "revoked", "The key or ticket of this connection is not valid any more.", 1008
    FAILED = "internal", "An unexpected error occurred and was logged. Connect again and resume.", 1011
    TEXT_ONLY = "text_only", "Send messages as text.", 1003
    GONE = "gone", "The reader closed the connection.", 1000

    def __init__(self, code: str, message: str, close_code: int) -> None:
        self.code = code
        self.message = message
        self.close_code = close_code


class Ended(Exception):
    """The stream ends, for this reason."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.code)
        self.ending = ending


@dataclass(frozen=True, slots=True)
class Topic:
    """Which events readers get. Those of one topic share the work of choosing and encoding."""

    album: str
    wanted: EventFilter

    @property
    def asks_what_is_shown(self) -> bool:
        """Whether it goes by what photos show."""
        return self.wanted.bib is not None or self.wanted.person_id is not None


class Batch:
    """Events in order. Readers share a batch, so it is encoded once for all of them."""

    def __init__(self, events: Sequence[RecordedEvent]) -> None:
        self.events = tuple(events)

    @functools.cached_property
    def as_json(self) -> tuple[str, ...]:
        return tuple(json.dumps(cloud_event(event), separators=(",", ":")) for event in self.events)

    @functools.cached_property
    def as_json_list(self) -> str:
        return f"[{','.join(self.as_json)}]"

    @functools.cached_property
    def as_server_sent_events(self) -> bytes:
        pairs = zip(self.events, self.as_json, strict=True)
        return "".join(f"id: {event.position}\ndata: {text}\n\n" for event, text in pairs).encode()

    def after(self, position: int) -> Batch:
        """Return the events after `position`: all of them, but for a reader that saw some elsewhere."""
        if not self.events or self.events[0].position > position:
            return self
        return Batch([event for event in self.events if event.position > position])


NOTHING = Batch(())
"""A heartbeat is due."""


class Feed:
    """The live events of a topic for one reader; a bounded queue that ends when it is full."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.deadline: asyncio.Timeout | None = None
        """Ends the reader's task where it does not end by itself, because it waits for a peer that takes nothing."""
        self._waiting: deque[Batch] = deque()
        self._wake = asyncio.Event()
        self._ending: Ending | None = None

    def put(self, batch: Batch) -> None:
        """Let the reader have `batch`; end the feed if too much waits already."""
        if self._ending is not None:
            return
        if len(self._waiting) >= MAX_WAITING:
            self.end(Ending.TOO_SLOW)
            return
        self._waiting.append(batch)
        self._wake.set()

    def end(self, ending: Ending) -> None:
        """End the feed at once: what waits is not sent, a reader resumes after what it got. The first reason counts."""
        if self._ending is not None:
            return
        self._ending = ending
        self._waiting.clear()
        self._wake.set()
        if self.deadline is not None:
            self.deadline.reschedule(asyncio.get_running_loop().time() + _GIVE_UP_AFTER_S)

    def check(self) -> None:
        """Raise Ended if the feed has ended."""
        if self._ending is not None:
            raise Ended(self._ending)

    async def get(self, *, within_s: float = HEARTBEAT_S) -> Batch:
        """Return the next batch, or NOTHING if none came within that time; raise Ended at the end."""
        self.check()
        if not self._waiting:
            self._wake.clear()
            try:
                async with asyncio.timeout(within_s):
                    await self._wake.wait()
            except TimeoutError:
                return NOTHING
            self.check()
        return self._waiting.popleft()
