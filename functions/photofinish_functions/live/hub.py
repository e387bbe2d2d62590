"""The one reader of the event log in an instance, and how readers of it resume.

Every event reaches a reader once: it reads the log up to a position, and gets live what comes after that position.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from photofinish.domain.album_event import NOTHING_SHOWN, EventFilter, RecordedEvent, Shown, check_position, matches
from photofinish.errors import Unavailable
from photofinish.ports import EventLog
from photofinish_functions.live.feed import Batch, Ending, Feed, Topic

log = logging.getLogger(__name__)
T = TypeVar("T")
POLL_S = 0.2
_PAUSE_S = 1.0
_PAGE_EVENTS = 500
_EVERYTHING = EventFilter()


class Hub:
    """Reads the log and hands every event to the feeds whose topic it belongs to. Used in one event loop."""

    def __init__(self, event_log: EventLog, *, poll_s: float = POLL_S) -> None:
        self._log = event_log
        self._poll_s = poll_s
        self._position = 0
        """Everything up to here was handed to the feeds that were there."""
        self._feeds: dict[Topic, set[Feed]] = defaultdict(set)
        self._is_needed = asyncio.Event()
        # The pool of connections has four: one for the reader, two for those that resume, one for admission.
        self._reading = ThreadPoolExecutor(1, "live-reader")
        self._resuming = ThreadPoolExecutor(2, "live-resume")

    @property
    def feeds(self) -> int:
        """How many readers there are."""
        return sum(map(len, self._feeds.values()))

    async def run(self) -> None:
        """Read the log while there are feeds, until cancelled. While the database is away, feeds wait."""
        is_away = False
        loop = asyncio.get_running_loop()
        while True:
            await self._is_needed.wait()
            began_s = loop.time()
            try:
                has_more = await self._hand_out_next()
                is_away = False
            except Unavailable as error:
                if not is_away:
                    log.warning("live streams wait for the event log: %s", error)
                is_away, has_more = True, False
                await asyncio.sleep(_PAUSE_S)
            except Exception:
                log.exception("the event log could not be read")
                self.end_all(Ending.FAILED)
                has_more = False
                await asyncio.sleep(_PAUSE_S)
            if not has_more:
                await asyncio.sleep(max(0.0, began_s + self._poll_s - loop.time()))

    def end_all(self, ending: Ending) -> None:
        """End every feed."""
        for feed in [feed for feeds in self._feeds.values() for feed in feeds]:
            feed.end(ending)

    async def start_of(self, feed: Feed, after: int | None) -> int:
        """Return the position that `feed` starts after: `after`, or, without it, where the log is now.

        Call :meth:`leave` in the end.

        Raises:
            InvalidQuery: `after` is ahead of the log.
            Unavailable: the log cannot be read.
        """
        if after is None:
            return await self._join(feed)
        if after > self._position:
            check_position(after, await self._in_thread(self._resuming, self._log.head))
        return after

    async def follow(self, feed: Feed, start: int) -> AsyncIterator[Batch]:
        """Yield the events of the feed's topic after `start`, and empty batches as heartbeats; raise Ended at the end.

        Raises:
            Unavailable: the log cannot be read while catching up.
        """
        position = start
        if feed not in self._feeds.get(feed.topic, ()):
            async for batch in self._missed(feed, start):
                position = batch.events[-1].position
                yield batch
        while True:
            batch = (await feed.get()).after(position)
            position = batch.events[-1].position if batch.events else position
            yield batch

    def leave(self, feed: Feed) -> None:
        """Forget `feed`."""
        feeds = self._feeds.get(feed.topic, set())
        feeds.discard(feed)
        if not feeds:
            self._feeds.pop(feed.topic, None)
        if not self._feeds:
            self._is_needed.clear()

    async def _missed(self, feed: Feed, start: int) -> AsyncIterator[Batch]:
        """Yield from the log what came after `start`, and join the live feed where that ends."""
        joined_at: int | None = None
        position = start
        while joined_at is None or position < joined_at:
            feed.check()
            read = functools.partial(self._log.page, feed.topic.album, feed.topic.wanted, limit=_PAGE_EVENTS)
            page = await self._in_thread(self._resuming, functools.partial(read, after=position))
            missed = [event for event in page.events if joined_at is None or event.position <= joined_at]
            if missed:
                yield Batch(missed)
            if page.position == position and joined_at is not None:
                await asyncio.sleep(self._poll_s)  # a transaction is open that holds back events we were told of
            position = page.position
            if joined_at is None and len(page.events) < _PAGE_EVENTS:
                joined_at = await self._join(feed)

    async def _join(self, feed: Feed) -> int:
        """From now on, hand to `feed` the events after the position returned."""
        if not self._feeds:  # the reader rested, maybe for hours
            head = await self._in_thread(self._resuming, self._log.head)
            if not self._feeds:
                self._position = head
        self._feeds[feed.topic].add(feed)
        self._is_needed.set()
        return self._position

    async def _hand_out_next(self) -> bool:
        """Hand out the next events, and return whether there are more already."""
        after = self._position
        read = functools.partial(self._log.page, None, _EVERYTHING, after=after, limit=_PAGE_EVENTS)
        page = await self._in_thread(self._reading, read)
        shown: dict[str, Shown] = {}
        while unknown := self._photos_to_look_up(page.events) - shown.keys():
            shown |= await self._in_thread(self._reading, functools.partial(self._log.shown, unknown))
        if self._position != after:  # all left meanwhile, and others came
            return True
        # No `await` from here on, so that a feed that joins gets all of these events or none.
        of_album: dict[str, list[RecordedEvent]] = defaultdict(list)
        for recorded in page.events:
            of_album[recorded.event.album].append(recorded)
        for topic, feeds in self._feeds.items():
            wanted = [
                recorded
                for recorded in of_album.get(topic.album, ())
                if matches(recorded.event, topic.wanted, shown.get(recorded.event.photo_id or "", NOTHING_SHOWN))
            ]
            if wanted:
                batch = Batch(wanted)
                for feed in feeds:
                    feed.put(batch)
        self._position = page.position
        return len(page.events) == _PAGE_EVENTS

    def _photos_to_look_up(self, events: Sequence[RecordedEvent]) -> set[str]:
        """The photos of these events whose topic goes by what they show."""
        albums = {topic.album for topic in self._feeds if topic.asks_what_is_shown}
        return {
            recorded.event.photo_id
            for recorded in events
            if recorded.event.album in albums and recorded.event.photo_id is not None
        }

    async def _in_thread(self, threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, call)
