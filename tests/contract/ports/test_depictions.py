"""Promises of FaceIndex about what photos show, in memory and in Postgres."""

from __future__ import annotations

import psycopg
import pytest

from photofinish.adapters.postgres import depictions
from photofinish.domain.depiction import Depiction, Label
from photofinish.domain.face import Embedding
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import PhotoFilter
from photofinish.errors import InvalidQuery
from photofinish.ports import FaceIndex, SeenDepiction
from support.faces import embedding, face, photo, random_embeddings
from support.index import add, everything, postgres_index

TOLERANCE = 1e-3  # of half precision
LABELS, SCENES = "labels-1", "scene-1"
EVERY_PHOTO = PhotoFilter()


def showing(*vector: float, space: str = LABELS, label: str = "dog") -> Depiction:
    return Depiction(embedding=embedding(vector, space), labels=(Label(name=label, score=0.5),))


def nearest(
    index: FaceIndex, query: Embedding, *, album: str = "race", limit: int = 10, where: PhotoFilter = EVERY_PHOTO
) -> list[SeenDepiction]:
    with index.reading(album) as reading:
        return reading.depictions(query, limit=limit, where=where)


def names(index: FaceIndex, found: list[SeenDepiction], album: str = "race") -> list[str]:
    with index.reading(album) as reading:
        photos = reading.photos([one.photo_id for one in found])
    return [photos[one.photo_id].photo.name for one in found]


def test_the_nearest_photos_come_first_with_their_labels(index: FaceIndex) -> None:
    add(index, photo("race/1.jpg"), depiction=showing(1, 0, 0))
    add(index, photo("race/2.jpg"), depiction=showing(0, 1, 0, label="cat"))
    add(index, photo("race/3.jpg"), depiction=showing(1, 1, 0))
    add(index, photo("race/4.jpg"))
    add(index, photo("other/5.jpg"), depiction=showing(0, 1, 0))
    found = nearest(index, embedding([0, 1, 0], LABELS))
    assert names(index, found) == ["race/2.jpg", "race/3.jpg", "race/1.jpg"]
    assert [one.similarity for one in found] == pytest.approx([1, 0.5**0.5, 0], abs=TOLERANCE)
    assert found[0].labels == (Label(name="cat", score=0.5),)
    assert names(index, nearest(index, embedding([0, 1, 0], LABELS), limit=1)) == ["race/2.jpg"]


def test_ties_go_by_photo_id(index: FaceIndex) -> None:
    photos = [photo(f"race/{number}.jpg") for number in range(5)]
    for one in photos:
        add(index, one, depiction=showing(1, 0))
    found = nearest(index, embedding([1, 0], LABELS))
    assert [one.photo_id for one in found] == sorted(one.photo_id for one in photos)


def test_spaces_are_never_compared(index: FaceIndex) -> None:
    add(index, photo("race/1.jpg"), [face(embedding([1, 0], LABELS))], depiction=showing(1, 0))
    add(index, photo("race/2.jpg"), depiction=showing(1, 0, space=SCENES))
    assert names(index, nearest(index, embedding([1, 0], LABELS))) == ["race/1.jpg"]
    assert names(index, nearest(index, embedding([1, 0], SCENES))) == ["race/2.jpg"]
    assert nearest(index, embedding([1, 0], "never-used")) == []
    assert len(everything(index, "race", embedding([1, 0], LABELS))) == 1, "a depiction is no face"


def test_a_query_of_another_dimension_is_refused(index: FaceIndex) -> None:
    add(index, photo("race/1.jpg"), depiction=showing(1, 0))
    with pytest.raises(InvalidQuery, match="2 dimensions here, not 3"):
        nearest(index, embedding([1, 0, 0], LABELS))


def test_a_filter_leaves_photos_out(index: FaceIndex) -> None:
    add(index, photo("race/a/1.jpg"), depiction=showing(1, 0))
    add(index, photo("race/b/2.jpg"), depiction=showing(0, 1))
    found = nearest(index, embedding([1, 0], LABELS), where=PhotoFilter(folder="b"))
    assert names(index, found) == ["race/b/2.jpg"]
    assert nearest(index, embedding([1, 0], LABELS), where=PhotoFilter(folder="c")) == []


def test_a_new_result_replaces_what_a_photo_showed(index: FaceIndex) -> None:
    run = photo("race/1.jpg")
    add(index, run, depiction=showing(1, 0, label="dog"))
    add(index, run, depiction=showing(0, 1, label="cat"), version="2.test")
    [found] = nearest(index, embedding([0, 1], LABELS))
    assert [label.name for label in found.labels] == ["cat"]
    add(index, run, version="3.test")
    assert nearest(index, embedding([0, 1], LABELS)) == []


def test_a_removed_photo_shows_nothing(index: FaceIndex) -> None:
    run = photo("race/1.jpg")
    add(index, run, depiction=showing(1, 0))
    index.remove(run)
    assert nearest(index, embedding([1, 0], LABELS)) == []


def test_an_unknown_album_shows_nothing(index: FaceIndex) -> None:
    assert nearest(index, embedding([1, 0], LABELS), album="none") == []
    assert nearest(index, embedding([1, 0], LABELS), album="x" * 400) == []


def test_a_large_album_gets_an_index_that_its_searches_use(
    function_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depictions, "INDEXED_FROM_PHOTOS", 20)
    places = random_embeddings(40, 8, seed=1, space=LABELS)
    with postgres_index(function_database) as index:
        for number, place in enumerate(places):
            add(index, photo(f"race/{number}.jpg"), depiction=Depiction(embedding=place))
        assert names(index, nearest(index, places[7], limit=1)) == ["race/7.jpg"]
        assert len(nearest(index, places[7], limit=40)) == 40, "all are found, whatever the index gives up"
    with psycopg.connect(function_database) as conn:
        [(index_name,)] = conn.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'depiction\\_%\\_space\\_%' AND relkind = 'i'"
        ).fetchall()
        conn.execute("SET enable_seqscan = off; SET enable_sort = off")
        album_id, space_id = index_name.split("_")[1], index_name.split("_")[3]
        plan = conn.execute(
            "EXPLAIN SELECT photo_id FROM depiction"
            f" WHERE album_id = {album_id} AND space_id = {space_id}"
            f" ORDER BY embedding::halfvec(8) <=> '[1,0,0,0,0,0,0,0]'::halfvec(8) LIMIT 5"
        ).fetchall()
        assert index_name in "\n".join(line for (line,) in plan)


def test_photos_of_other_buckets_are_other_photos(index: FaceIndex) -> None:
    one, other = photo("race/1.jpg", bucket="one"), PhotoRef(bucket="other", name="race/1.jpg", generation=1)
    add(index, one, depiction=showing(1, 0))
    add(index, other, depiction=showing(0, 1))
    assert len(nearest(index, embedding([1, 0], LABELS))) == 2
