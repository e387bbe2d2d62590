"""What the collections of the Rekognition API keep in Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from photofinish.adapters.postgres.collections import PgCollections
from photofinish.adapters.postgres.database import Database
from photofinish.domain.face import face_id
from photofinish.errors import NotFound
from photofinish.ports import COLLECTION_BUCKET
from support.erasing import erase_rows
from support.faces import bib, face, photo, random_embeddings
from support.index import VERSION, add, bibs_of, postgres_index

IMAGE = "11111111-2222-4333-8444-555555555555"
DIGEST = bytes(32)


@pytest.fixture
def collections(connections: Database) -> PgCollections:
    return PgCollections(connections)


def test_concurrent_creation_creates_one_collection(collections: PgCollections) -> None:
    with ThreadPoolExecutor(4) as pool:
        created = list(pool.map(lambda _: collections.create("race", {}), range(8)))
    assert sorted(created) == [False] * 7 + [True]


def test_an_album_is_a_collection_from_its_first_photo_on(collections: PgCollections, database: str) -> None:
    assert not collections.exists("race")
    assert collections.describe("race") is None
    with postgres_index(database) as index:
        add(index, photo("race/1.jpg"))
        assert collections.exists("race")
        assert not collections.create("race", {})
        described = collections.describe("race")
        assert described is not None
        assert (described.face_count, described.holds_dropped_photos) == (0, True)
    with closing(Database(database)) as connections:
        erase_rows(connections, "race")
    assert not collections.exists("race")


def test_collections_are_listed_oldest_first_by_name_and_position(collections: PgCollections) -> None:
    names = ["b", "a", "c"]
    for name in names:
        collections.create(name, {})
    with_space = "an album that no SDK can name"
    collections.create(with_space, {})
    page = collections.list_collections(names=None, limit=2)
    assert [name for _, name in page] == ["b", "a"]
    assert [name for _, name in collections.list_collections(names=None, limit=9, after=page[-1][0])] == ["c"]
    assert [name for _, name in collections.list_collections(names=frozenset({"c", "x"}), limit=9)] == ["c"]


def test_faces_name_their_picture_and_are_deleted_completely(collections: PgCollections, database: str) -> None:
    one, two = (photo(f"race/{name}", bucket=COLLECTION_BUCKET) for name in ("x", "y"))
    ids = [face_id(ref, VERSION, 0) for ref in (one, two)]
    collections.create("race", {})
    for _ in range(2):
        collections.name_picture("race", ids, image_id=IMAGE, external_image_id="x.jpg")
    assert collections.faces_of_picture("race", IMAGE) == [], "named, and not indexed yet"
    with postgres_index(database) as index:
        for ref, embedding in zip((one, two), random_embeddings(2, 16, seed=1), strict=True):
            add(index, ref, [face(embedding)])
    listed = collections.faces("race", limit=9)
    assert [found.face_id for found in listed] == sorted(ids)
    assert {(found.image_id, found.external_image_id) for found in listed} == {(IMAGE, "x.jpg")}
    assert sorted(found.face_id for found in collections.faces_of_picture("race", IMAGE)) == sorted(ids)
    assert collections.delete_faces("race", [ids[0], IMAGE]) == [ids[0]]
    assert collections.delete_faces("race", [ids[0]]) == []
    with psycopg.connect(database) as conn:
        left = [
            conn.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("face", "collection_face", "photo")
        ]
    assert left == [(1,), (1,), (1,)]


def test_a_photo_stays_when_its_face_is_deleted_and_its_bib_has_no_face_then(
    collections: PgCollections, database: str
) -> None:
    ref = photo("race/1.jpg")
    with postgres_index(database) as index:
        add(index, ref, [face(random_embeddings(1, 16, seed=1)[0])], [bib("7", face_index=0)])
        collections.delete_faces("race", [face_id(ref, VERSION, 0)])
        [(_, found)] = bibs_of(index, "race", "7")
    assert found.face_id is None
    assert collections.exists("race")


def test_an_answer_is_remembered_for_a_day_and_the_first_one_stays(collections: PgCollections, database: str) -> None:
    collections.create("race", {})
    collections.remember("race", "token", DIGEST, {"a": 1})
    collections.remember("race", "token", DIGEST, {"a": 2})
    assert collections.recall("race", "token") == (DIGEST, {"a": 1})
    assert collections.recall("race", "another") is None
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE client_request SET answered_at = now() - interval '25 hours'")
    assert collections.recall("race", "token") is None
    collections.remember("race", "newer", DIGEST, {})
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT token FROM client_request").fetchall() == [("newer",)]


def test_tags_are_counted_together(collections: PgCollections) -> None:
    collections.create("race", {"a": "1"})
    assert collections.add_tags("race", {"b": "2"}, at_most=2)
    assert not collections.add_tags("race", {"c": "3"}, at_most=2)
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda n: collections.add_tags("race", {f"t{n}": ""}, at_most=5), range(8)))
    assert sum(added) == 3
    assert len(collections.tags("race")) == 5
    collections.remove_tags("race", ["a", "never"])
    assert "a" not in collections.tags("race")


def test_an_album_that_is_no_collection_is_not_found(collections: PgCollections) -> None:
    for call in (
        lambda: collections.tags("race"),
        lambda: collections.faces("race", limit=1),
        lambda: collections.delete_faces("race", [IMAGE]),
        lambda: collections.remember("race", "t", DIGEST, {}),
        lambda: collections.name_picture("race", [IMAGE], image_id=IMAGE, external_image_id=None),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_new_collection_finds_nothing_of_an_erased_one(collections: PgCollections, database: str) -> None:
    collections.create("race", {"a": "1"})
    collections.remember("race", "token", DIGEST, {})
    with closing(Database(database)) as connections:
        erase_rows(connections, "race")
    assert not collections.exists("race")
    assert collections.create("race", {})
    assert collections.tags("race") == {}
    assert collections.recall("race", "token") is None
