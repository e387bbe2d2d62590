"""One reader of the log for all streams: who gets what, how readers resume, and what ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, Shown, fact_id
from photofinish.errors import InvalidQuery, Unavailable
from photofinish.ports.event_log import EventPage
from photofinish_functions.live import feed as feeds
from photofinish_functions.live.feed import Batch, Ended, Ending, Feed, Topic
from photofinish_functions.live.hub import Hub
from support.examples import examples

T = TypeVar("T")
RACE = Topic("race", EventFilter())
DEADLINE_S = 60


def event(number: int, album: str = "race", **fields: Any) -> AlbumEvent:
    given_fields = {"type": EventType.PHOTO_DONE} | fields
    return AlbumEvent(id=fact_id("test", album, number), album=album, occurred_at=datetime.now(UTC), **given_fields)


def run(test: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run the coroutine in an event loop of its own."""
    return asyncio.run(asyncio.wait_for(test(), DEADLINE_S))


@asynccontextmanager
async def reading(hub: Hub) -> AsyncIterator[None]:
    task = asyncio.create_task(hub.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Reader:
    """Reads a topic, and keeps the positions that it got."""

    def __init__(self, hub: Hub, topic: Topic = RACE) -> None:
        self.hub = hub
        self.feed = Feed(topic)
        self.got: list[int] = []

    async def start(self, after: int | None = None) -> Reader:
        self._events = self.hub.follow(self.feed, await self.hub.start_of(self.feed, after))
        return self

    async def read(self, count: int) -> list[int]:
        """Read until it has so many."""
        while len(self.got) < count:
            batch = await anext(self._events)
            self.got += [recorded.position for recorded in batch.events]
        return self.got

    def leave(self) -> None:
        self.hub.leave(self.feed)


def test_a_position_ahead_of_the_log_is_refused() -> None:
    async def test() -> None:
        log = MemoryEventLog()
        log.append([event(0), event(1)])
        hub = Hub(log, poll_s=0)
        end = log.head()
        await Reader(hub).start(after=end)
        with pytest.raises(InvalidQuery, match=f"ends at position {end}, before {end + 1}"):
            await Reader(hub).start(after=end + 1)

    run(test)


def test_readers_get_the_events_of_their_topic_as_they_come() -> None:
    async def test() -> None:
        log = MemoryEventLog()
        hub = Hub(log, poll_s=0)
        log.append([event(0)])
        async with reading(hub):
            everything = await Reader(hub).start()
            rejected = await Reader(
                hub, Topic("race", EventFilter(types=frozenset({EventType.PHOTO_REJECTED})))
            ).start()
            log.append([event(1)])
            log.append([event(2, "other")])
            log.append([event(3, type=EventType.PHOTO_REJECTED)])
            assert await everything.read(2) == [2, 4]
            assert await rejected.read(1) == [4]

    run(test)


def test_what_photos_show_decides_also_for_a_topic_that_joins_while_it_is_looked_up() -> None:
    class Late(MemoryEventLog):
        joined = False

        def shown(self, photo_ids: Any) -> dict[str, Shown]:
            if not self.joined:
                self.joined = True
                asyncio.run_coroutine_threadsafe(join(), loop).result()
            return super().shown(photo_ids)

    async def join() -> None:
        await late.start()

    async def test() -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        log.photos = {"1" * 32: Shown(frozenset({"42"})), "2" * 32: Shown(person_ids=frozenset({"ada"}))}
        async with reading(hub):
            number = await Reader(hub, Topic("race", EventFilter(bib="42"))).start()
            log.append([event(1, photo_id="1" * 32), event(2, "other", photo_id="2" * 32)])
            assert sorted(await number.read(1) + await late.read(1)) == [1, 2]

    loop: asyncio.AbstractEventLoop
    log = Late()
    hub = Hub(log, poll_s=0)
    late = Reader(hub, Topic("other", EventFilter(person_id="ada")))
    run(test)


@settings(max_examples=examples(30))
@given(
    before=st.integers(0, 5),
    between=st.integers(0, 1100),
    after=st.integers(1, 5),
    lag=st.booleans(),
    seen=st.integers(0, 3),
)
def test_a_reader_that_resumes_gets_every_event_once(
    before: int, between: int, after: int, lag: bool, seen: int
) -> None:
    async def test() -> None:
        log = MemoryEventLog()
        hub = Hub(log, poll_s=0)
        log.append([event(number) for number in range(before)])
        if lag:  # others have read for a while, so the reader of the log stands somewhere before the end
            await Reader(hub).start()
        log.append([event(number) for number in range(before, before + between)])
        resumed = await Reader(hub).start(min(seen, before))
        async with reading(hub):
            log.append([event(number) for number in range(before + between, before + between + after)])
            total = before + between + after
            assert await resumed.read(total - min(seen, before)) == list(range(min(seen, before) + 1, total + 1))

    run(test)


def test_a_reader_who_saw_more_than_this_instance_handed_out_gets_nothing_twice() -> None:
    async def test() -> None:
        log = MemoryEventLog()
        hub = Hub(log, poll_s=0)
        await Reader(hub).start()  # the hub stands at 0
        log.append([event(number) for number in range(5)])
        ahead = await Reader(hub).start(5)
        read = asyncio.create_task(ahead.read(1))
        while hub.feeds < 2:
            await asyncio.sleep(0)
        async with reading(hub):
            log.append([event(5)])
            assert await read == [6]

    run(test)


def test_a_reader_that_is_too_slow_is_cut_off_and_may_resume() -> None:
    async def test() -> None:
        log = MemoryEventLog()
        hub = Hub(log, poll_s=0)
        async with reading(hub):
            slow, fast = await Reader(hub).start(), await Reader(hub).start()
            for number in range(feeds.MAX_WAITING + 1):
                log.append([event(number)])
                await fast.read(number + 1)
            with pytest.raises(Ended) as ended:
                await slow.read(1)
            assert ended.value.ending is Ending.TOO_SLOW
            resumed = await Reader(hub).start(0)
            assert await resumed.read(feeds.MAX_WAITING + 1) == fast.got

    run(test)


def test_readers_wait_while_the_database_is_away() -> None:
    class Failing(MemoryEventLog):
        failures = 0

        def page(self, *args: Any, **options: Any) -> EventPage:
            if self.failures:
                self.failures -= 1
                raise Unavailable("away")
            return super().page(*args, **options)

    async def test() -> None:
        log = Failing()
        hub = Hub(log, poll_s=0)
        async with reading(hub):
            reader = await Reader(hub).start()
            log.failures = 1
            log.append([event(1)])
            assert await reader.read(1) == [1]

    run(test)


def test_the_reader_of_the_log_rests_without_readers_and_does_not_read_what_came_meanwhile() -> None:
    async def test() -> None:
        log = MemoryEventLog()
        hub = Hub(log, poll_s=0)
        async with reading(hub):
            (await Reader(hub).start()).leave()
            assert hub.feeds == 0
            log.append([event(1)])
            later = await Reader(hub).start()
            log.append([event(2)])
            assert await later.read(1) == [2]

    run(test)


def test_an_end_stops_a_feed_at_once_and_the_first_reason_counts() -> None:
    async def test() -> None:
        feed = Feed(RACE)
        feed.put(Batch(()))
        feed.end(Ending.RESTARTING)
        feed.end(Ending.REVOKED)
        feed.put(Batch(()))
        with pytest.raises(Ended) as ended:
            await feed.get()
        assert ended.value.ending is Ending.RESTARTING

    run(test)


def test_a_reader_that_takes_nothing_at_all_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_GIVE_UP_AFTER_S", 0)

    async def test() -> None:
        feed = Feed(RACE)
        async with asyncio.timeout(None) as feed.deadline:
            feed.end(Ending.TOO_SLOW)
            await asyncio.Event().wait()  # as a write to a peer whose window is full

    with pytest.raises(TimeoutError):
        run(test)


def test_a_heartbeat_is_due_when_nothing_comes() -> None:
    async def test() -> None:
        batch = await Feed(RACE).get(within_s=0)
        assert batch is feeds.NOTHING

    run(test)
