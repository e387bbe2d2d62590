"""The promises of Statistics, kept by every implementation."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.statistics import MemoryStatistics
from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.statistics import PgStatistics
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.album_statistics import AlbumStatistics, Counts, Grouping
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.ports import EventLog, Statistics
from support.faces import face, photo
from support.index import add

TEN = datetime(2026, 5, 1, 10, 30, tzinfo=UTC)
PHOTOS = [photo(f"race/cam{number % 2}/{number}.jpg") for number in range(6)]


def result(number: int, event_type: EventType = EventType.PHOTO_DONE, *, version: int = 1, **fields: Any) -> AlbumEvent:
    """What became of photo `number`; a newer `version` is of another analysis."""
    data = {"faces": 2, "bibs": 1, "upload_to_result_s": 4.0}
    if event_type is not EventType.PHOTO_DONE:
        data = {"error": {"code": "not_a_picture", "message": "No picture."}}
    return AlbumEvent(
        **{
            "id": fact_id("result", number, version, fields.get("generation", 1)),
            "type": event_type,
            "album": "race",
            "occurred_at": TEN + timedelta(minutes=version),
            "photo_id": PHOTOS[number].photo_id,
            "generation": 1,
            "folder": f"cam{number % 2}",
            "camera": "Z 9",
            "data": data,
        }
        | fields
    )


@dataclass
class Stores:
    statistics: Statistics
    log: EventLog

    def read(self, album: str = "race") -> AlbumStatistics:
        while not self.statistics.count(album, limit=2):
            pass
        found = self.statistics.read(album)
        assert found is not None
        return found


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        log = MemoryEventLog()
        return Stores(MemoryStatistics(log), log)
    database = request.getfixturevalue("connections")
    return Stores(PgStatistics(database), PgEventLog(database))


def photos_by(found: AlbumStatistics, kind: Grouping) -> list[tuple[str, int]]:
    return [(key, counts.photos) for key, counts in found.groups[kind].items()]


def test_results_are_counted_by_hour_camera_folder_and_code(stores: Stores) -> None:
    stores.log.append(
        [
            result(0),
            result(1, camera=None, data={"faces": 0, "bibs": 0, "upload_to_result_s": 60.0}),
            result(2, EventType.PHOTO_REJECTED),
            result(4, EventType.PHOTO_FAILED, occurred_at=TEN + timedelta(hours=1)),
            result(5, EventType.PHOTO_QUEUED, data={}),
        ]
    )
    found = stores.read()
    total = found.total
    assert (total.photos, total.done, total.rejected, total.failed) == (4, 2, 1, 1)
    assert (total.faces, total.bibs, total.share_with_bib) == (2, 1, 0.5)
    assert total.duration_s(50) == pytest.approx(4.0, rel=0.1)
    assert total.duration_s(95) == pytest.approx(60.0, rel=0.1)
    assert photos_by(found, Grouping.HOUR) == [("2026-05-01T10:00:00+00:00", 3), ("2026-05-01T11:00:00+00:00", 1)]
    assert photos_by(found, Grouping.CAMERA) == [("Z 9", 3), ("", 1)]
    assert photos_by(found, Grouping.FOLDER) == [("cam0", 3), ("cam1", 1)]
    assert photos_by(found, Grouping.CODE) == [("not_a_picture", 2)]


def test_a_photo_counts_once_by_its_newest_result(stores: Stores) -> None:
    stores.log.append([result(0, EventType.PHOTO_FAILED)])
    assert stores.read().total.failed == 1
    stores.log.append([result(0, version=2, folder="moved")])
    stores.log.append([result(0, EventType.PHOTO_REJECTED, version=3, generation=2)])
    stores.log.append([result(0, version=4, generation=1)])  # told late, of the photo before it was replaced
    found = stores.read()
    assert found.total == replace(Counts(), rejected=1)
    assert photos_by(found, Grouping.FOLDER) == [("cam0", 1)]
    assert photos_by(found, Grouping.CODE) == [("not_a_picture", 1)]


def test_counting_goes_on_where_it_stopped(stores: Stores) -> None:
    for number in range(5):
        stores.log.append([result(number)])
    assert not stores.statistics.count("race", limit=3)
    partly = stores.statistics.read("race")
    assert partly is not None
    assert partly.total.photos == 3
    assert stores.statistics.count("race", limit=3)
    assert stores.statistics.count("race", limit=3)
    assert stores.read().total.photos == 5


def test_albums_are_counted_apart(stores: Stores) -> None:
    stores.log.append([result(0), result(1, album="other race")])
    assert stores.read("other race").total.photos == 1
    assert stores.read().total.photos == 1
    for unknown in ("unknown", "no/album"):
        assert stores.statistics.count(unknown, limit=9)
        assert stores.statistics.read(unknown) is None
        assert stores.statistics.people(unknown) is None


def test_failures_of_all_albums_by_code(stores: Stores) -> None:
    stores.log.append(
        [
            result(0, EventType.PHOTO_FAILED),
            result(0, EventType.PHOTO_FAILED, version=2),  # the same photo again
            result(1, EventType.PHOTO_FAILED, album="other race"),
            result(2, EventType.PHOTO_FAILED, occurred_at=TEN - timedelta(days=2)),
            result(3, EventType.PHOTO_REJECTED),
        ]
    )
    assert dict(stores.statistics.failures(TEN)) == {"not_a_picture": 2}


def test_people_are_counted_by_their_photos(stores: Stores, request: pytest.FixtureRequest) -> None:
    if isinstance(stores.statistics, MemoryStatistics):
        stores.statistics.photos_of_people["race"] = [2]
    else:
        add_person(request.getfixturevalue("connections"))
    people = stores.statistics.people("race")
    assert people is not None
    assert (people.people, people.mean, people.p50, people.most) == (1, 2.0, 2, 2)


class TestPostgres:
    def test_an_erased_photo_counts_no_more(self, connections: Database) -> None:
        stores = Stores(PgStatistics(connections), PgEventLog(connections))
        stores.log.append([result(0), result(1), result(2, EventType.PHOTO_REJECTED)])
        assert stores.read().total.photos == 3
        add(PgFaceIndex(connections), replace(PHOTOS[0], generation=1), [face()], [])
        erase(connections, 0)
        erase(connections, 2)  # of which the index has nothing
        found = stores.read()
        assert photos_by(found, Grouping.FOLDER) == [("cam1", 1)]
        assert photos_by(found, Grouping.CODE) == []
        stores.log.append([result(0, version=2, generation=2)])
        assert stores.read().total.photos == 2

    def test_a_photo_that_was_erased_before_it_was_counted_never_is(self, connections: Database) -> None:
        stores = Stores(PgStatistics(connections), PgEventLog(connections))
        stores.log.append([result(1), result(2, EventType.PHOTO_REJECTED)])
        erase(connections, 2)
        assert stores.read().total.photos == 1

    def test_the_erasure_of_an_older_version_takes_nothing_back(self, connections: Database) -> None:
        stores = Stores(PgStatistics(connections), PgEventLog(connections))
        stores.log.append([result(0, version=2, generation=2)])
        assert stores.read().total.photos == 1
        erase(connections, 0, generation=1)
        assert stores.read().total.photos == 1

    def test_an_erased_album_has_no_statistics(self, connections: Database) -> None:
        stores = Stores(PgStatistics(connections), PgEventLog(connections))
        stores.log.append([result(0)])
        assert stores.read().total.photos == 1
        PgErasures(connections).begin(ErasureTarget(kind=ErasureKind.ALBUM, album="race", id=""), reason=Reason.REQUEST)
        stores.statistics.count("race", limit=9)
        assert stores.statistics.read("race") is None

    def test_a_result_that_commits_late_is_counted(self, connections: Database, function_database: str) -> None:
        stores = Stores(PgStatistics(connections), PgEventLog(connections))
        stores.log.append([result(0)])
        with psycopg.connect(function_database) as slow:
            record_events(slow, use_album(slow, "race"), [result(1)])
            stores.log.append([result(2)])  # commits first
            assert stores.read().total.photos == 1
            slow.commit()
        assert stores.read().total.photos == 3

    def test_several_that_count_at_once_count_each_result_once(self, connections: Database) -> None:
        stores = Stores(PgStatistics(connections), PgEventLog(connections))
        for version in range(1, 11):
            stores.log.append([result(number, version=version) for number in range(6)])

        def count() -> None:
            for _ in range(20):
                stores.statistics.count("race", limit=3)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        total = stores.read().total
        assert (total.photos, total.faces, sum(total.durations)) == (6, 12, 6)


def erase(connections: Database, number: int, *, generation: int = 1) -> None:
    target = ErasureTarget(kind=ErasureKind.PHOTO, album="race", id=PHOTOS[number].photo_id, generation=generation)
    PgErasures(connections).begin(target, reason=Reason.REQUEST)


def add_person(connections: Database) -> None:
    """A person with two faces on one photo and one on another."""
    add(PgFaceIndex(connections), PHOTOS[0], [face(), face()], [])
    add(PgFaceIndex(connections), PHOTOS[1], [face()], [])
    with connections.transaction() as conn:
        conn.execute("INSERT INTO person (person_id, album_id) SELECT gen_random_uuid(), album_id FROM album")
        conn.execute(
            "INSERT INTO person_face (album_id, face_id, person_id, source, photo_id, box_x, box_y, box_w, box_h)"
            " SELECT album_id, face_id, person_id, 'clustered', photo_id, 0, 0, 1, 1"
            " FROM face JOIN person USING (album_id)"
        )
