"""The promises of CameraClocks, kept by every implementation, and what a search makes of the shifts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from photofinish.adapters.memory.camera_clocks import MemoryCameraClocks
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.postgres.camera_clocks import PgCameraClocks
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.application.camera_clocks import find_shifts
from photofinish.domain.search import PhotoFilter
from photofinish.errors import InvalidQuery, RejectedInput
from photofinish.ports import CameraClocks, FaceIndex
from support.faces import bib, embedding, face, photo
from support.index import add

NOON = datetime(2026, 5, 3, 12)
HOUR = timedelta(hours=1)
AT_NOON = PhotoFilter(taken_from=NOON, taken_until=NOON)


class Stores(NamedTuple):
    index: FaceIndex
    clocks: CameraClocks


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    if request.param == "memory":
        index = MemoryFaceIndex()
        yield Stores(index, MemoryCameraClocks(index))
        return
    database = Database(request.getfixturevalue("database"))
    yield Stores(PgFaceIndex(database), PgCameraClocks(database))
    database.close()


def take(index: FaceIndex, name: str, camera: str | None, minute: int | None, number: str = "1") -> None:
    taken_at = None if minute is None else NOON + timedelta(minutes=minute)
    add(index, photo(name), [face(embedding([1, 0, 0]))], [bib(number)], taken_at=taken_at, camera=camera)


def names(index: FaceIndex, where: PhotoFilter) -> list[str]:
    with index.reading("race") as reading:
        found = reading.sharpest(where, limit=100)
        assert {seen.photo_id for seen in reading.bibs(["1"], limit=100, where=where)} == found.keys()
    return sorted(entry.photo.name.removeprefix("race/") for entry in found.values())


def test_cameras_are_listed_with_their_times(stores: Stores) -> None:
    index, clocks = stores
    assert clocks.cameras("race") == []
    take(index, "race/1.jpg", "Nikon", 30)
    take(index, "race/2.jpg", "Canon", 10)
    take(index, "race/3.jpg", "Canon", 5)
    take(index, "race/4.jpg", "Canon", None)
    take(index, "race/5.jpg", None, 7)
    take(index, "other/6.jpg", "Sony", 7)
    clocks.set_shifts("race", {"Nikon": -HOUR, "Fuji": HOUR, "Canon": timedelta()})
    canon, fuji, nikon = clocks.cameras("race")
    assert (canon.name, canon.photos, canon.shift) == ("Canon", 3, timedelta())
    assert (canon.first, canon.last) == (NOON + timedelta(minutes=5), NOON + timedelta(minutes=10))
    assert (nikon.name, nikon.photos, nikon.shift) == ("Nikon", 1, -HOUR)
    assert (fuji.name, fuji.photos, fuji.first, fuji.shift) == ("Fuji", 0, None, HOUR)


def test_searches_compare_the_shifted_time(stores: Stores) -> None:
    index, clocks = stores
    take(index, "race/canon.jpg", "Canon", 0)
    take(index, "race/nikon.jpg", "Nikon", -60)
    take(index, "race/timeless.jpg", "Nikon", None)
    assert names(index, AT_NOON) == ["canon.jpg"]
    for _ in range(2):
        clocks.set_shifts("race", {"Nikon": HOUR})
        assert names(index, AT_NOON) == ["canon.jpg", "nikon.jpg"]
    take(index, "race/later.jpg", "Nikon", -60)
    assert names(index, AT_NOON) == ["canon.jpg", "later.jpg", "nikon.jpg"], "also of photos that are indexed later"
    with index.reading("race") as reading:
        entries = {entry.photo.name: entry for entry in reading.sharpest(PhotoFilter(), limit=9).values()}
    assert (entries["race/nikon.jpg"].taken_at, entries["race/nikon.jpg"].corrected_at) == (NOON - HOUR, NOON)
    assert entries["race/timeless.jpg"].corrected_at is None
    clocks.set_shifts("race", {})
    assert names(index, AT_NOON) == ["canon.jpg"]


def test_shifts_belong_to_an_album(stores: Stores) -> None:
    index, clocks = stores
    take(index, "race/1.jpg", "Nikon", -60)
    clocks.set_shifts("other", {"Nikon": HOUR})
    assert names(index, AT_NOON) == []
    clocks.set_shifts("race", {"Nikon": HOUR})
    assert names(index, AT_NOON) == ["1.jpg"]


def test_whole_numbers_on_photos_with_time_and_camera_are_sightings(stores: Stores) -> None:
    index, clocks = stores
    take(index, "race/1.jpg", "Canon", 0, "42")
    take(index, "race/2.jpg", None, 0, "42")
    take(index, "race/3.jpg", "Canon", None, "42")
    take(index, "other/4.jpg", "Canon", 0, "42")
    (seen,) = clocks.sightings("race", limit=10)
    assert (seen.camera, seen.taken_at) == ("Canon", NOON)
    take(index, "race/5.jpg", "Nikon", 3, "42")
    assert len({one.subject for one in clocks.sightings("race", limit=10)}) == 1
    assert len(clocks.sightings("race", limit=1)) == 1
    assert clocks.sightings("nowhere", limit=10) == []


def test_people_on_two_cameras_are_sightings(database: str) -> None:
    opened = Database(database)
    try:
        index, clocks = PgFaceIndex(opened), PgCameraClocks(opened)
        for name, camera, minute in (("race/1.jpg", "Canon", 0), ("race/2.jpg", "Nikon", -60)):
            at = NOON + timedelta(minutes=minute)
            add(index, photo(name), [face(embedding([1, 0, 0]))], taken_at=at, camera=camera)
        with opened.transaction() as conn:
            conn.execute("INSERT INTO person (person_id, album_id) SELECT gen_random_uuid(), album_id FROM album")
            conn.execute(
                "INSERT INTO person_face SELECT album_id, face_id, person_id, 'confirmed', photo_id, 0, 0, 1, 1"
                " FROM face JOIN person USING (album_id)"
            )
        assert find_shifts(clocks, "race").found["Nikon"].shift == HOUR
    finally:
        opened.close()


def test_shifts_are_found(stores: Stores) -> None:
    index, clocks = stores
    for number in range(100, 120):
        take(index, f"race/canon/{number}.jpg", "Canon", number, str(number))
        take(index, f"race/nikon/{number}.jpg", "Nikon", number - 60, str(number))
    take(index, "race/canon/more.jpg", "Canon", 0)
    shifts = find_shifts(clocks, "race")
    assert shifts.reference == "Canon"
    assert shifts.found.keys() == {"Nikon"}
    assert shifts.found["Nikon"].shift == HOUR
    assert shifts.found["Nikon"].confidence > 0.8
    assert find_shifts(clocks, "race", reference="Nikon").found["Canon"].shift == -HOUR
    with pytest.raises(InvalidQuery, match="Sony"):
        find_shifts(clocks, "race", reference="Sony")
    assert find_shifts(clocks, "nowhere").found == {}


@pytest.mark.parametrize("album", ["", "..", "a/b", "a\0b"])
def test_what_cannot_be_an_album_has_no_cameras(stores: Stores, album: str) -> None:
    with pytest.raises(RejectedInput, match="cannot be the name of an album"):
        stores.clocks.set_shifts(album, {"Canon": HOUR})
    assert stores.clocks.cameras(album) == []
