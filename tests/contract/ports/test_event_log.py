"""The promises of EventLog, kept by every implementation."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, fact_id, matches
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.ports import EventLog
from support.examples import examples
from support.faces import bib, face, photo
from support.index import add, postgres_index

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PHOTO = photo("race/cam2/1.jpg")
EVERYTHING = EventFilter()


def event(number: int, **fields: object) -> AlbumEvent:
    plain = AlbumEvent(
        id=fact_id("test", number),
        type=EventType.PHOTO_DONE,
        album="race",
        occurred_at=NOON + timedelta(minutes=number),
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


NOW = datetime.now(UTC)
MIXED_TYPES = [EventType.PHOTO_DONE, EventType.PHOTO_FAILED, EventType.PERSON_MERGED, EventType.ALBUM_OPENED]
MIXED_PEOPLE = [str(UUID(int=number)) for number in (1, 2)]


@pytest.fixture(params=["memory", "postgres"])
def mixed(request: pytest.FixtureRequest) -> EventLog:
    """Events that were recorded when they happened, hours later, and by a clock that is ahead."""
    log = MemoryEventLog() if request.param == "memory" else PgEventLog(request.getfixturevalue("connections"))
    rng = random.Random(3)
    log.append(
        [
            event(
                number,
                type=rng.choice(MIXED_TYPES[:3]),
                occurred_at=NOW + timedelta(minutes=rng.randrange(-200, 100)),
                folder=rng.choice(["cam1", "cam2", None]),
                person_ids=tuple(rng.sample(MIXED_PEOPLE, rng.randrange(3))),
            )
            for number in range(80)
        ]
    )
    return log


@pytest.fixture(params=["memory", "postgres"])
def log(request: pytest.FixtureRequest) -> EventLog:
    if request.param == "memory":
        return MemoryEventLog()
    return PgEventLog(request.getfixturevalue("connections"))


def read(log: EventLog, wanted: EventFilter = EVERYTHING, album: str | None = "race") -> list[UUID]:
    return [recorded.event.id for recorded in log.page(album, wanted, after=0, limit=100).events]


def test_a_fact_is_recorded_once_and_read_back_whole(log: EventLog) -> None:
    told = event(
        1,
        photo_id=PHOTO.photo_id,
        generation=7,
        person_ids=(str(uuid4()),),
        batch_id=str(uuid4()),
        folder="cam2",
        camera="Canon EOS R5",
        data={"faces": 2, "error": {"code": "x"}},
    )
    assert log.append([told, told]) == 1
    assert log.append([told, event(2)]) == 1
    [first, second] = log.page("race", EVERYTHING, after=0, limit=10).events
    assert first.event == told
    assert second.event == event(2)
    assert first.position < second.position


def test_pages_follow_each_other_and_end_at_the_head(log: EventLog) -> None:
    for number in range(5):
        log.append([event(number)])
    seen, position = [], 0
    while page := log.page("race", EVERYTHING, after=position, limit=2).events:
        seen += [recorded.event.id for recorded in page]
        position = page[-1].position
    assert seen == [event(number).id for number in range(5)]
    assert log.page("race", EVERYTHING, after=0, limit=9).position == log.head()
    assert log.page("race", EVERYTHING, after=log.head(), limit=9).position == log.head()


def test_newest_first(log: EventLog) -> None:
    for number in range(5):
        log.append([event(number)])
    first = log.newest("race", EVERYTHING, before=None, limit=2)
    assert [recorded.event for recorded in first.events] == [event(4), event(3)]
    rest = log.newest("race", EVERYTHING, before=first.position, limit=9)
    assert [recorded.event for recorded in rest.events] == [event(2), event(1), event(0)]
    assert rest.position == 0


def test_albums_are_read_alone_or_together(log: EventLog) -> None:
    log.append([event(1), event(2, album="other race")])
    assert read(log) == [event(1).id]
    assert read(log, album="other race") == [event(2).id]
    assert set(read(log, album=None)) == {event(1).id, event(2).id}
    assert read(log, album="unknown") == read(log, album="no/album") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (EventFilter(types=frozenset({EventType.PHOTO_REJECTED})), {2}),
        (EventFilter(types=frozenset({EventType.PHOTO_REJECTED, EventType.PHOTO_DONE})), {1, 2, 3}),
        (EventFilter(types=frozenset()), set()),
        (EventFilter(folder="cam2"), {1, 2}),
        (EventFilter(folder=""), {3}),
        (EventFilter(camera="Z 9"), {1}),
        (EventFilter(folder="cam2", types=frozenset({EventType.PHOTO_DONE})), {1}),
        (EventFilter(photo_id=PHOTO.photo_id), {1}),
        (EventFilter(occurred_from=NOON + timedelta(minutes=2)), {2, 3}),
        (EventFilter(occurred_before=NOON + timedelta(minutes=2)), {1}),
        (EventFilter(camera="\0"), set()),
        (EventFilter(photo_id="no id"), set()),
        (EventFilter(bib="42"), set()),
        (EventFilter(person_id=str(uuid4())), set()),
    ],
)
def test_filters(log: EventLog, wanted: EventFilter, found: set[int]) -> None:
    log.append(
        [
            event(1, photo_id=PHOTO.photo_id, generation=1, folder="cam2", camera="Z 9"),
            event(2, type=EventType.PHOTO_REJECTED, folder="cam2"),
            event(3, folder=""),
            event(4, album="other race", folder="cam2", camera="Z 9"),
        ]
    )
    assert set(read(log, wanted)) == {event(number).id for number in found}


@settings(max_examples=examples(25))
@given(data=st.data())
def test_pages_of_any_filter_have_what_matches_in_order(mixed: EventLog, data: st.DataObject) -> None:
    times = st.none() | st.sampled_from([NOW + timedelta(minutes=minutes) for minutes in range(-200, 100, 20)])
    wanted = EventFilter(
        types=data.draw(st.none() | st.frozensets(st.sampled_from(MIXED_TYPES))),
        folder=data.draw(st.none() | st.sampled_from(["cam1", "cam2"])),
        person_id=data.draw(st.none() | st.sampled_from(MIXED_PEOPLE)),
        occurred_from=data.draw(times),
        occurred_before=data.draw(times),
    )
    limit = data.draw(st.integers(1, 7))
    everything = mixed.page("race", EVERYTHING, after=0, limit=1000).events
    expected = [recorded for recorded in everything if matches(recorded.event, wanted)]
    found, position = [], 0
    while page := mixed.page("race", wanted, after=position, limit=limit).events:
        found += page
        position = page[-1].position
    assert found == expected
    found, before = [], None
    while page := mixed.newest("race", wanted, before=before, limit=limit).events:
        found += page
        before = page[-1].position
    assert found == expected[::-1]


def test_events_of_a_number_are_those_of_photos_that_have_it_now(function_database: str) -> None:
    with postgres_index(function_database) as index:
        add(index, PHOTO, [face()], [bib("42", face_index=0)])
        add(index, photo("race/2.jpg"), [], [bib("43")])
    database = Database(function_database)
    log = PgEventLog(database)
    log.append(
        [
            event(1, photo_id=PHOTO.photo_id, generation=1),
            event(2, photo_id=photo("race/2.jpg").photo_id, generation=1),
            event(3),
        ]
    )
    done = frozenset({EventType.PHOTO_DONE})
    assert read(log, EventFilter(bib="42", types=done)) == [event(1).id]
    assert read(log, EventFilter(bib="4-3", types=done)) == [event(2).id]
    assert log.shown([PHOTO.photo_id])[PHOTO.photo_id].bib_numbers == {"42"}
    database.close()


def test_an_event_about_a_person_is_found_by_each_of_them(log: EventLog) -> None:
    one, other = str(uuid4()), str(uuid4())
    log.append([event(1, type=EventType.PERSON_MERGED, person_ids=(one, other)), event(2)])
    assert read(log, EventFilter(person_id=one)) == read(log, EventFilter(person_id=other)) == [event(1).id]


def test_nothing_about_an_erased_photo_is_recorded_but_its_erasure() -> None:
    log = MemoryEventLog(lambda photo_id, generation: photo_id == PHOTO.photo_id and generation <= 5)
    about = {"photo_id": PHOTO.photo_id}
    assert log.append([event(1, **about, generation=5)]) == 0
    assert log.append([event(2, **about, generation=6)]) == 1
    assert log.append([event(3, **about, generation=5, type=EventType.PHOTO_ERASED)]) == 1


def test_an_erasure_removes_the_events_of_its_photo_for_good(connections: Database) -> None:
    log = PgEventLog(connections)
    about = {"photo_id": PHOTO.photo_id}
    log.append([event(1, **about, generation=1), event(2)])
    target = ErasureTarget(kind=ErasureKind.PHOTO, album="race", id=PHOTO.photo_id, generation=5)
    add(PgFaceIndex(connections), replace(PHOTO, generation=5), [face()], [])
    PgErasures(connections).begin(target, reason=Reason.REQUEST)
    assert read(log) == [event(2).id, fact_id(EventType.PHOTO_ERASED, PHOTO.photo_id, 5)]
    assert log.append([event(3, **about, generation=5)]) == 0
    assert log.append([event(4, **about, generation=6)]) == 1
    assert log.append([event(5, **about, generation=5, type=EventType.PHOTO_ERASED)]) == 1


def test_an_erasure_removes_the_events_of_a_photo_in_which_nothing_was_found(connections: Database) -> None:
    log = PgEventLog(connections)
    about = {"photo_id": PHOTO.photo_id}
    log.append([event(1, **about, generation=5, type=EventType.PHOTO_QUEUED), event(2)])
    target = ErasureTarget(kind=ErasureKind.PHOTO, album="race", id=PHOTO.photo_id, generation=5)
    PgErasures(connections).begin(target, reason=Reason.REQUEST)
    assert read(log) == [event(2).id, fact_id(EventType.PHOTO_ERASED, PHOTO.photo_id, 5)]


@pytest.mark.parametrize("is_indexed", [True, False])
def test_an_erasure_of_an_older_version_keeps_the_events_of_the_newer(connections: Database, is_indexed: bool) -> None:
    log = PgEventLog(connections)
    about = {"photo_id": PHOTO.photo_id}
    if is_indexed:
        add(PgFaceIndex(connections), replace(PHOTO, generation=5), [face()], [])
    log.append([event(1, **about, generation=5), event(2, **about, generation=6, type=EventType.PHOTO_QUEUED)])
    target = ErasureTarget(kind=ErasureKind.PHOTO, album="race", id=PHOTO.photo_id, generation=5)
    PgErasures(connections).begin(target, reason=Reason.ORIGINAL_GONE)
    left = read(log)
    assert event(1).id not in left
    assert event(2).id in left


class TestOrderOfCommits:
    def test_a_reader_waits_for_a_transaction_that_took_its_position_before(
        self, connections: Database, function_database: str
    ) -> None:
        log = PgEventLog(connections)
        log.append([event(0)])
        slow = psycopg.connect(function_database)
        try:
            album_id = use_album(slow, "race")
            record_events(slow, album_id, [event(1)])
            log.append([event(2)])  # commits first
            page = log.page("race", EVERYTHING, after=0, limit=10)
            assert [recorded.event for recorded in page.events] == [event(0)]
            assert log.page("race", EVERYTHING, after=page.position, limit=10).events == ()
            slow.commit()
            rest = log.page("race", EVERYTHING, after=page.position, limit=10)
            assert [recorded.event for recorded in rest.events] == [event(1), event(2)]
        finally:
            slow.close()

    def test_a_transaction_that_ends_without_a_commit_holds_no_reader(
        self, connections: Database, function_database: str
    ) -> None:
        log = PgEventLog(connections)
        log.append([event(0)])
        with psycopg.connect(function_database) as slow:
            record_events(slow, use_album(slow, "race"), [event(1)])
            log.append([event(2)])
            slow.rollback()
        assert read(log) == [event(0).id, event(2).id]

    def test_no_reader_passes_a_position_that_may_be_given_out_again(
        self, connections: Database, function_database: str
    ) -> None:
        """After a crash the sequence may go on from the last commit."""
        log = PgEventLog(connections)
        log.append([event(0)])
        head = log.head()
        with psycopg.connect(function_database) as slow:
            record_events(slow, use_album(slow, "race"), [event(1)])
            slow.rollback()
        assert log.head() == log.page("race", EVERYTHING, after=0, limit=10).position == head
        assert log.page(None, EventFilter(folder="none"), after=0, limit=10).position == head

    def test_readers_miss_nothing_of_many_writers_and_see_nothing_twice(
        self, connections: Database, function_database: str
    ) -> None:
        """Each writer commits after another, random time, and some of them roll back."""
        log = PgEventLog(connections)
        log.append([event(0)])
        writers, each = 6, 40
        expected = {
            event(writer * 1000 + turn).id for writer in range(1, writers + 1) for turn in range(each) if turn % 7
        }

        def write(writer: int) -> None:
            with psycopg.connect(function_database) as conn:
                album_id = use_album(conn, "race")
                for turn in range(each):
                    record_events(conn, album_id, [event(writer * 1000 + turn)])
                    conn.execute("SELECT pg_sleep(random() * 0.004)")
                    conn.commit() if turn % 7 else conn.rollback()

        threads = [threading.Thread(target=write, args=[writer]) for writer in range(1, writers + 1)]
        for thread in threads:
            thread.start()
        seen: list[UUID] = []
        position = 0
        while True:
            is_last = not any(thread.is_alive() for thread in threads)
            page = log.page("race", EVERYTHING, after=position, limit=7)
            seen += [recorded.event.id for recorded in page.events]
            position = page.position
            if is_last and not page.events:
                break
        assert len(seen) == len(set(seen))
        assert set(seen) == expected | {event(0).id}
