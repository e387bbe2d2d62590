"""What a search finds, with the index in memory and with the one in Postgres."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.memory.people import MemoryPeopleNumbers
from photofinish.adapters.postgres.album_rules import PgAlbumRules
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.adapters.postgres.people.numbers import PgPeopleNumbers
from photofinish.adapters.postgres.people.people import PgPeople
from photofinish.application.search.evidence import INFERRED_SHARE
from photofinish.application.search.searcher import Searcher
from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.bib_links import InferredFace
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.face import Embedding, face_id
from photofinish.domain.matching import Calibration, match_probability
from photofinish.domain.search import Part, PhotoFilter, SearchQuery, Weights
from photofinish.domain.search_results import ScoredPhoto, SearchPage
from photofinish.domain.start_list import StartList
from photofinish.errors import InvalidQuery
from photofinish.ports import FaceIndex
from support.faces import SPACE, bib, embedding, face, photo, random_embeddings
from support.index import VERSION, add, postgres_index

EAST, NORTH, UP = embedding([1, 0, 0]), embedding([0, 1, 0]), embedding([0, 0, 1])
NOON = datetime(2026, 5, 3, 12)
CALIBRATION = Calibration(min_similarity=0.5, stranger_similarity=0.6, slope=14.0, offset=-4.5, selfie_min_quality=0.2)
_fresh = itertools.count(1)


@dataclass(frozen=True)
class NamedFriend:
    person_id: str
    name: str
    embeddings: tuple[Embedding, ...]


@dataclass
class Friends:
    """People that a search can find by name."""

    known: list[NamedFriend] = field(default_factory=list)

    def find_by_name(self, album: str, name: str) -> list[NamedFriend]:
        return [friend for friend in self.known if name.casefold() in friend.name.casefold()]

    def embeddings(self, album: str, person_id: str) -> list[Embedding]:
        return [embedding for friend in self.known if friend.person_id == person_id for embedding in friend.embeddings]


@pytest.fixture
def friends() -> Friends:
    return Friends()


@pytest.fixture
def memory_index() -> MemoryFaceIndex:
    return MemoryFaceIndex()


@pytest.fixture
def in_postgres(database: str) -> Iterator[FaceIndex]:
    with postgres_index(database) as index:
        yield index


@pytest.fixture(params=["memory_index", "in_postgres"])
def index(request: pytest.FixtureRequest) -> FaceIndex:
    index: FaceIndex = request.getfixturevalue(request.param)
    return index


class Wearers(Protocol):
    """Who wears which number; tests set it for people by any name."""

    def confirm(self, person_id: str, face_ids: Sequence[str]) -> None: ...

    def decide_number(self, person_id: str, number: str, *, confirmed: bool) -> None: ...

    def faces_by_number(self, album: str, number: str, limit: int) -> Sequence[InferredFace]: ...


class WearersInPostgres:
    """Of one album."""

    def __init__(self, connections: Database, album: str = "race") -> None:
        self._people, self._changes, self._album = PgPeople(connections), PgPeopleChanges(connections), album
        self._numbers = PgPeopleNumbers(connections)
        self._ids: dict[str, str] = {}

    def confirm(self, person_id: str, face_ids: Sequence[str]) -> None:
        done = self._changes.confirm(self._album, self._id(person_id), face_ids, by="test")
        assert not done.changes.refused

    def decide_number(self, person_id: str, number: str, *, confirmed: bool) -> None:
        self._changes.decide_number(self._album, self._id(person_id), number, confirmed=confirmed, by="test")

    def faces_by_number(self, album: str, number: str, limit: int) -> list[InferredFace]:
        return self._numbers.faces_by_number(album, number, limit)

    def _id(self, person_id: str) -> str:
        if person_id not in self._ids:
            self._ids[person_id] = self._people.create(self._album, by="test").person_id
        return self._ids[person_id]


@pytest.fixture
def connections(database: str) -> Iterator[Database]:
    made = Database(database)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def wearers(index: FaceIndex, request: pytest.FixtureRequest) -> Wearers:
    if isinstance(index, MemoryFaceIndex):
        return MemoryPeopleNumbers(index)
    return WearersInPostgres(request.getfixturevalue("connections"))


@pytest.fixture
def searcher(index: FaceIndex, friends: Friends, wearers: Wearers) -> Searcher:
    return Searcher(index, friends, wearers, {SPACE: CALIBRATION})


def found(page: SearchPage) -> list[str]:
    return [scored.photo.name.removeprefix("race/") for scored in page.photos]


def value(scored: ScoredPhoto, part: Part) -> float:
    return next(one.value for one in scored.parts if one.part == part)


class TestWho:
    @pytest.fixture(autouse=True)
    def album(self, index: FaceIndex) -> None:
        add(index, photo("race/both.jpg"), [face(UP), face(EAST, x=0.5)], [bib("42", 0.75, face_index=1)])
        add(index, photo("race/face.jpg"), [face(EAST)])
        add(index, photo("race/bib.jpg"), [face(NORTH, x=0.625)], [bib("42", 0.875, face_index=0), bib("7")])
        add(index, photo("race/stranger.jpg"), [face(NORTH)], [bib("8")])
        add(index, photo("other/1.jpg"), [face(EAST)], [bib("42")])

    def test_a_face_or_a_bib_is_enough_and_both_are_best(self, searcher: Searcher) -> None:
        page = searcher.search(SearchQuery(album="race", embeddings=(EAST,), bib="42"))
        assert found(page) == ["both.jpg", "face.jpg", "bib.jpg"]
        both, only_face, only_bib = page.photos
        assert value(both, Part.FACE) == pytest.approx(match_probability(1, CALIBRATION), abs=1e-3)
        assert value(both, Part.BIB) == 0.75
        assert value(only_face, Part.BIB) == value(only_bib, Part.FACE) == 0
        assert (only_face.bib, only_bib.face) == (None, None)

    def test_shows_the_evidence(self, searcher: Searcher) -> None:
        both, _, only_bib = searcher.search(SearchQuery(album="race", embeddings=(EAST,), bib="42")).photos
        assert both.face is not None
        assert both.face.similarity == pytest.approx(1, abs=1e-3)
        assert both.face_box == both.face.box
        assert both.face.box.x == 0.5
        assert both.bib is not None
        assert (both.bib.number, both.bib.ocr_score, both.bib.face_id) == ("42", 0.75, both.face.face_id)
        assert only_bib.bib is not None
        assert only_bib.face_box == only_bib.bib.face_box
        assert only_bib.bib.face_box is not None
        assert only_bib.bib.face_box.x == 0.625

    def test_a_face_below_the_threshold_is_not_found(self, searcher: Searcher) -> None:
        near = embedding([1, 1.7, 0])  # 0.507 and 0.862
        page = searcher.search(SearchQuery(album="race", embeddings=(near,), min_similarity=0.6))
        assert sorted(found(page)) == ["bib.jpg", "stranger.jpg"]
        assert len(searcher.search(SearchQuery(album="race", embeddings=(near,))).photos) == 4
        everything = searcher.search(SearchQuery(album="race", embeddings=(near,), min_similarity=-1))
        assert len(everything.photos) == 4

    def test_each_of_several_selfies_finds_and_so_does_their_centroid(
        self, searcher: Searcher, index: FaceIndex
    ) -> None:
        between = embedding([1, 0, 1])
        add(index, photo("race/between.jpg"), [face(between)])
        one_each = searcher.search(SearchQuery(album="race", embeddings=(EAST, UP), min_similarity=0.99))
        assert sorted(found(one_each)) == ["between.jpg", "both.jpg", "face.jpg"]
        middle = next(scored for scored in one_each.photos if scored.photo.name == "race/between.jpg")
        assert middle.face is not None
        assert middle.face.similarity == pytest.approx(1, abs=1e-3)

    def test_opposite_selfies_have_no_centroid(self, searcher: Searcher) -> None:
        opposite = Embedding(-EAST.vector, SPACE)
        page = searcher.search(SearchQuery(album="race", embeddings=(EAST, opposite)))
        assert sorted(found(page)) == ["both.jpg", "face.jpg"]

    def test_no_match_is_an_empty_page(self, searcher: Searcher) -> None:
        for query in (
            SearchQuery(album="race", bib="9"),
            SearchQuery(album="nowhere", embeddings=(EAST,), bib="42", name="Ann"),
            SearchQuery(album="race", name="Nobody"),
            SearchQuery(album="race", bib="4\0"),
        ):
            assert searcher.search(query) == SearchPage(photos=(), next_cursor=None)

    def test_a_space_that_is_not_calibrated_is_refused(self, searcher: Searcher) -> None:
        with pytest.raises(InvalidQuery, match="embedding space cannot be compared"):
            searcher.search(SearchQuery(album="race", embeddings=(embedding([1, 0, 0], "other"),)))

    def test_embeddings_of_another_dimension_are_refused(self, searcher: Searcher) -> None:
        with pytest.raises(InvalidQuery, match="have 3 dimensions here, not 2"):
            searcher.search(SearchQuery(album="race", embeddings=(embedding([1, 0]),)))

    def test_a_weight_of_0_only_removes_a_part_from_the_score(self, searcher: Searcher) -> None:
        weights = Weights(face=0, quality=0)
        page = searcher.search(SearchQuery(album="race", embeddings=(EAST,), bib="42", weights=weights))
        assert [(scored.photo.name, scored.score) for scored in page.photos] == [
            ("race/bib.jpg", 0.875),
            ("race/both.jpg", 0.75),
            ("race/face.jpg", 0.0),
        ]


class TestInferredNumber:
    """A number that is read beside a face on one photo is inferred for the same person's face on the others."""

    @pytest.fixture(autouse=True)
    def album(self, index: FaceIndex, wearers: Wearers) -> None:
        add(index, photo("race/a/seen.jpg"), [face(UP), face(EAST)], [bib("42", 0.75, face_index=1)], taken_at=NOON)
        add(index, photo("race/b/back.jpg"), [face(NORTH), face(EAST, x=0.5)], taken_at=NOON + timedelta(hours=1))
        add(index, photo("race/b/weak.jpg"), [], [bib("42", 0.5)])
        add(index, photo("race/b/other.jpg"), [face(NORTH)], [bib("7", 0.9, face_index=0)])
        add(index, photo("race/b/also.jpg"), [face(NORTH)])
        wearers.confirm("ann", [self.face("a/seen", 1), self.face("b/back", 1)])

    def face(self, name: str, number: int) -> str:
        return face_id(photo(f"race/{name}.jpg"), VERSION, number)

    def test_has_its_evidence_and_ranks_below_every_number_that_was_read(self, searcher: Searcher) -> None:
        page = searcher.search(SearchQuery(album="race", bib="42", weights=Weights(quality=0)))
        assert found(page) == ["a/seen.jpg", "b/weak.jpg", "b/back.jpg"]
        read, _, back = page.photos
        assert read.bib is not None
        assert (read.bib.inferred, read.bib.evidence_photo_id, read.bib.evidence_face_id) == (False, None, None)
        assert back.bib is not None
        assert (back.bib.number, back.bib.inferred, back.bib.box) == ("42", True, None)
        assert (back.bib.face_id, back.face_box) == (self.face("b/back", 1), back.bib.face_box)
        assert back.face_box is not None
        assert back.face_box.x == 0.5
        assert back.bib.ocr_score == 0.75
        assert back.bib.evidence_photo_id == photo("race/a/seen.jpg").photo_id
        assert back.bib.evidence_face_id == self.face("a/seen", 1)
        assert 0 < value(back, Part.BIB) <= INFERRED_SHARE * 0.75

    def test_only_in_searches_for_a_number(self, searcher: Searcher) -> None:
        assert found(searcher.search(SearchQuery(album="race", bib="7"))) == ["b/other.jpg"]
        by_face = searcher.search(SearchQuery(album="race", embeddings=(EAST,)))
        assert [scored.bib for scored in by_face.photos] == [None, None]

    def test_adds_to_the_score_of_a_similar_face(self, searcher: Searcher) -> None:
        page = searcher.search(SearchQuery(album="race", embeddings=(EAST,), bib="42"))
        assert found(page) == ["a/seen.jpg", "b/back.jpg", "b/weak.jpg"]
        assert page.photos[1].face is not None
        assert page.photos[1].bib is not None
        assert page.photos[1].bib.inferred

    @pytest.mark.parametrize(
        ("where", "names"),
        [
            (PhotoFilter(folder="a"), ["a/seen.jpg"]),
            (PhotoFilter(folder="b"), ["b/weak.jpg", "b/back.jpg"]),
            (PhotoFilter(taken_from=NOON + timedelta(minutes=1)), ["b/back.jpg"]),
            (PhotoFilter(taken_until=NOON), ["a/seen.jpg"]),
            (PhotoFilter(text="finish"), []),
        ],
    )
    def test_only_on_photos_that_meet_the_filter(
        self, searcher: Searcher, where: PhotoFilter, names: list[str]
    ) -> None:
        query = SearchQuery(album="race", bib="42", where=where, weights=Weights(quality=0))
        assert found(searcher.search(query)) == names

    def test_not_if_the_person_has_another_number_until_a_user_decides(
        self, index: FaceIndex, searcher: Searcher, wearers: Wearers
    ) -> None:
        add(index, photo("race/b/twice.jpg"), [face(EAST)], [bib("43", 0.9, face_index=0)])
        wearers.confirm("ann", [self.face("b/twice", 0)])
        for number in ("42", "43"):
            assert not inferred(searcher, number)
        wearers.decide_number("ann", "43", confirmed=False)
        assert inferred(searcher, "42") == {"b/back.jpg", "b/twice.jpg"}
        assert not inferred(searcher, "43")

    def test_not_if_another_person_has_the_number_until_a_user_decides(
        self, index: FaceIndex, searcher: Searcher, wearers: Wearers
    ) -> None:
        add(index, photo("race/b/bea.jpg"), [face(NORTH)], [bib("42", 0.9, face_index=0)])
        wearers.confirm("bea", [self.face("b/bea", 0), self.face("b/also", 0)])
        assert not inferred(searcher, "42")
        wearers.decide_number("bea", "42", confirmed=True)
        assert inferred(searcher, "42") == {"b/also.jpg"}
        wearers.decide_number("ann", "42", confirmed=False)
        assert inferred(searcher, "42") == {"b/also.jpg"}

    def test_not_if_a_user_rejected_it(self, searcher: Searcher, wearers: Wearers) -> None:
        wearers.decide_number("ann", "42", confirmed=False)
        assert found(searcher.search(SearchQuery(album="race", bib="42"))) == ["a/seen.jpg", "b/weak.jpg"]

    def test_a_confirmed_number_needs_no_reading(self, searcher: Searcher, wearers: Wearers) -> None:
        wearers.decide_number("ann", "99", confirmed=True)
        wearers.decide_number("ann", "42", confirmed=False)
        one, other = searcher.search(SearchQuery(album="race", bib="99")).photos
        assert {one.photo.name, other.photo.name} == {"race/a/seen.jpg", "race/b/back.jpg"}
        assert one.bib is not None
        assert (one.bib.ocr_score, one.bib.evidence_photo_id, one.bib.evidence_face_id) == (None, None, None)
        assert value(one, Part.BIB) == INFERRED_SHARE

    def test_no_longer_once_the_evidence_is_gone(self, index: FaceIndex, searcher: Searcher) -> None:
        index.remove(photo("race/a/seen.jpg"))
        assert found(searcher.search(SearchQuery(album="race", bib="42"))) == ["b/weak.jpg"]

    def test_page_by_page(self, searcher: Searcher) -> None:
        query = SearchQuery(album="race", bib="42", weights=Weights(quality=0), limit=1)
        assert [name for page in all_pages(searcher, query) for name in found(page)] == [
            "a/seen.jpg",
            "b/weak.jpg",
            "b/back.jpg",
        ]


def inferred(searcher: Searcher, number: str) -> set[str]:
    """The photos on which `number` is inferred for a face."""
    page = searcher.search(SearchQuery(album="race", bib=number))
    return {scored.photo.name.removeprefix("race/") for scored in page.photos if scored.bib and scored.bib.inferred}


class TestName:
    @pytest.fixture(autouse=True)
    def album(self, index: FaceIndex, request: pytest.FixtureRequest) -> None:
        start_list = {"42": "Ann Miller", "43": "Joanna Jones"}
        if isinstance(index, MemoryFaceIndex):
            index.set_entrants("race", start_list)
        else:
            rules = Database(request.getfixturevalue("database"))
            PgAlbumRules(rules).set_bib_rules("race", BibRules(start_list=StartList(start_list)))
            rules.close()
        add(index, photo("race/ann.jpg"), [face(EAST)], [bib("42", 0.8, face_index=0)])
        add(index, photo("race/joanna.jpg"), [], [bib("43", 0.8)])
        add(index, photo("race/face.jpg"), [face(NORTH)])

    def test_finds_bibs_by_the_start_list(self, searcher: Searcher) -> None:
        page = searcher.search(SearchQuery(album="race", name="ann"))
        assert page.numbers == {"42": "Ann Miller", "43": "Joanna Jones"}
        ann, joanna = page.photos
        assert (ann.photo.name, joanna.photo.name) == ("race/ann.jpg", "race/joanna.jpg")
        assert ann.name is not None
        assert (ann.name.name, ann.name.number, ann.name.person_id) == ("Ann Miller", "42", None)
        assert ann.name.bib is not None
        assert ann.face_box == ann.name.bib.face_box
        assert value(ann, Part.NAME) == pytest.approx(0.8)
        assert value(joanna, Part.NAME) == pytest.approx(0.4)  # the requested name is a part of a longer one
        assert ann.bib is None  # no number was requested

    def test_finds_faces_by_people(self, searcher: Searcher, friends: Friends) -> None:
        friends.known = [
            NamedFriend("p1", "Ann Miller", (NORTH, embedding([1, 0], "other"))),
            NamedFriend("p2", "Bob", ()),
        ]
        page = searcher.search(SearchQuery(album="race", name="Ann Miller"))
        assert found(page) == ["face.jpg", "ann.jpg"]
        name = page.photos[0].name
        assert name is not None
        assert (name.person_id, name.number) == ("p1", None)
        assert name.face is not None
        assert page.photos[0].face_box == name.face.box


class TestFilter:
    @pytest.fixture(autouse=True)
    def album(self, index: FaceIndex) -> None:
        for number in range(5):
            add(
                index,
                photo(f"race/cam{number % 2}/{number}.jpg"),
                [face(EAST)],
                [bib("42", 0.5)],
                ["FINISHLINE" if number % 2 else "Finish"],
                taken_at=NOON + timedelta(minutes=number),
                sharpness=number / 8,
            )

    def test_every_photo_meets_the_filter(self, searcher: Searcher) -> None:
        where = PhotoFilter(folder="cam0", taken_from=NOON + timedelta(minutes=1))
        for query in (
            SearchQuery(album="race", embeddings=(EAST,), where=where),
            SearchQuery(album="race", bib="42", where=where),
            SearchQuery(album="race", where=where),
        ):
            assert sorted(found(searcher.search(query))) == ["cam0/2.jpg", "cam0/4.jpg"]

    def test_a_filter_alone_finds_the_sharpest_photos_first(self, searcher: Searcher) -> None:
        page = searcher.search(SearchQuery(album="race", where=PhotoFilter(folder="cam0")))
        assert found(page) == ["cam0/4.jpg", "cam0/2.jpg", "cam0/0.jpg"]
        assert [scored.score for scored in page.photos] == [0.5, 0.25, 0.0]

    def test_the_middle_of_a_window_comes_first(self, searcher: Searcher) -> None:
        window = PhotoFilter(taken_from=NOON, taken_until=NOON + timedelta(minutes=4))
        page = searcher.search(SearchQuery(album="race", bib="42", where=window, weights=Weights(quality=0)))
        assert found(page)[0] == "cam0/2.jpg"
        assert {name[-5] for name in found(page)[-2:]} == {"0", "4"}
        assert [value(scored, Part.TIME) for scored in page.photos] == [1.0, 0.5, 0.5, 0.0, 0.0]

    def test_whole_words_come_first_and_lines_are_shown(self, searcher: Searcher) -> None:
        page = searcher.search(SearchQuery(album="race", where=PhotoFilter(text="finish")))
        assert [scored.text for scored in page.photos] == [
            *[("Finish",)] * 3,
            *[("FINISHLINE",)] * 2,
        ]


class TestPages:
    def test_have_every_photo_once_in_order(self, index: FaceIndex, searcher: Searcher) -> None:
        for number in range(23):
            add(index, photo(f"race/{number}.jpg"), [face(EAST, quality=number % 3 / 4)])
        query = SearchQuery(album="race", embeddings=(EAST,), limit=200)
        whole = searcher.search(query)
        assert whole.next_cursor is None
        assert [(-scored.score, scored.photo.photo_id) for scored in whole.photos] == sorted(
            (-scored.score, scored.photo.photo_id) for scored in whole.photos
        )
        pages = list(all_pages(searcher, replace(query, limit=5)))
        assert [len(page.photos) for page in pages] == [5, 5, 5, 5, 3]
        assert tuple(scored for page in pages for scored in page.photos) == whole.photos

    def test_added_and_removed_photos_move_no_others(self, index: FaceIndex, searcher: Searcher) -> None:
        for number in range(10):
            add(index, photo(f"race/{number}.jpg"), [], [bib("42", (number + 1) / 16)])
        query = SearchQuery(album="race", bib="42", limit=4)
        first = searcher.search(query)
        index.remove(photo("race/9.jpg"))
        add(index, photo("race/better.jpg"), [], [bib("42", 0.9)])
        add(index, photo("race/worse.jpg"), [], [bib("42", 1 / 32)])
        rest = searcher.search(replace(query, limit=100, cursor=first.next_cursor))
        assert found(first) == [f"{number}.jpg" for number in (9, 8, 7, 6)]
        assert found(rest) == [*(f"{number}.jpg" for number in (5, 4, 3, 2, 1, 0)), "worse.jpg"]

    def test_more_faces_than_are_usually_compared(self, index: FaceIndex, searcher: Searcher) -> None:
        """A person on 320 photos: there are pages after the two hundredth face."""
        for number in range(30):
            add(
                index,
                photo(f"race/{number}.jpg"),
                [face(embedding([1, 0.001 * number, 0.0001 * i])) for i in range(10)],
            )
        for number in range(290):
            add(index, photo(f"race/alone{number}.jpg"), [face(embedding([1, 0.1, 0.0001 * number]))])
        pages = all_pages(searcher, SearchQuery(album="race", embeddings=(EAST,), limit=100))
        names = [name for page in pages for name in found(page)]
        assert len(names) == len(set(names)) == 320


def all_pages(searcher: Searcher, query: SearchQuery) -> Iterator[SearchPage]:
    page = searcher.search(query)
    yield page
    while page.next_cursor is not None:
        page = searcher.search(replace(query, cursor=page.next_cursor))
        yield page


class TestNeighbours:
    """Faces below the threshold whose nearest faces are those of the searched person."""

    DIMENSION = 64

    def album(self, index: FaceIndex, strangers: int) -> Embedding:
        """Add 12 pictures of one person to a crowd: cosines of about 0.42 to the selfie, and of 0.8 to each other."""
        crowd = random_embeddings(strangers, self.DIMENSION, seed=1)
        for start in range(0, strangers, 50):
            add(index, photo(f"race/crowd{start}.jpg"), [face(one) for one in crowd[start : start + 50]])
        rng = np.random.default_rng(2)
        middle = rng.normal(size=self.DIMENSION)
        middle /= np.linalg.norm(middle)
        for number in range(12):
            noise = rng.normal(size=self.DIMENSION)
            add(
                index,
                photo(f"race/person{number}.jpg"),
                [face(embedding(middle + 0.5 * noise / np.linalg.norm(noise)))],
            )
        aside = rng.normal(size=self.DIMENSION)
        aside -= aside @ middle * middle
        return embedding(0.47 * middle + np.sqrt(1 - 0.47**2) * aside / np.linalg.norm(aside))

    def test_are_found_in_a_crowd(self, index: FaceIndex, searcher: Searcher) -> None:
        selfie = self.album(index, strangers=300)
        similar = most_similar_faces(index, "race", [selfie], limit=20, min_similarity=CALIBRATION.min_similarity)
        page = searcher.search(SearchQuery(album="race", embeddings=(selfie,)))
        assert len(similar) <= 3
        assert len(page.photos) >= 9
        assert all(name.startswith("person") for name in found(page))
        assert all(scored.face is not None and scored.face.shared_neighbours > 0.6 for scored in page.photos[-3:])

    def test_few_faces_are_not_lifted(self, index: FaceIndex, searcher: Searcher) -> None:
        """Among few faces, all are each other's neighbours."""
        selfie = self.album(index, strangers=50)
        similar = most_similar_faces(index, "race", [selfie], limit=20, min_similarity=CALIBRATION.min_similarity)
        page = searcher.search(SearchQuery(album="race", embeddings=(selfie,)))
        assert len(page.photos) == len(similar)
        assert all(scored.face is not None and scored.face.shared_neighbours == 0 for scored in page.photos)


_PHOTOS = st.lists(
    st.tuples(
        st.lists(
            st.tuples(
                st.sampled_from([EAST, NORTH, UP, embedding([1, 1, 0]), embedding([1, 0, 1])]),
                st.sampled_from([None, "ann", "bea"]),
            ),
            max_size=3,
        ),
        st.lists(st.tuples(st.sampled_from(["1", "2"]), st.sampled_from([0.25, 0.5]), st.booleans()), max_size=2),
        st.sampled_from([(), ("finish",), ("Finishline", "start")]),
        st.sampled_from([None, 0, 1, 2]),
        st.sampled_from([0.25, 0.5]),
    ),
    max_size=10,
)
_QUERIES = st.builds(
    dict,
    embeddings=st.sampled_from([(), (EAST,), (EAST, NORTH)]),
    bib=st.sampled_from([None, "1", "3"]),
    text=st.sampled_from([None, "finish", "start finish"]),
    window=st.sampled_from([None, (0, 2), (1, 1)]),
    limit=st.integers(1, 4),
    weights=st.builds(Weights, face=st.floats(0, 2), bib=st.floats(0, 2), quality=st.floats(0.1, 1)),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(photos=_PHOTOS, criteria=_QUERIES)
def test_both_indexes_give_the_same_pages(
    memory_index: MemoryFaceIndex,
    in_postgres: FaceIndex,
    friends: Friends,
    connections: Database,
    photos: list[tuple],
    criteria: dict,
) -> None:
    album = f"album {next(_fresh)}"
    window = criteria["window"]
    times = (
        {}
        if window is None
        else {
            "taken_from": NOON + timedelta(minutes=window[0]),
            "taken_until": NOON + timedelta(minutes=window[1]),
        }
    )
    try:
        query = SearchQuery(
            album=album,
            embeddings=criteria["embeddings"],
            bib=criteria["bib"],
            where=PhotoFilter(text=criteria["text"], **times),
            limit=criteria["limit"],
            weights=criteria["weights"],
        )
    except InvalidQuery:
        return  # it has no criterion
    answers = []
    both: list[tuple[FaceIndex, Wearers]] = [
        (memory_index, MemoryPeopleNumbers(memory_index)),
        (in_postgres, WearersInPostgres(connections, album)),
    ]
    for index, wearers in both:
        owned = defaultdict(list)
        for number, (faces, bibs, text, minute, sharpness) in enumerate(photos):
            ref = photo(f"{album}/{number}.jpg")
            add(
                index,
                ref,
                [face(one) for one, _ in faces],
                [bib(text_, score, 0 if faces and worn else None) for text_, score, worn in bibs],
                text,
                taken_at=None if minute is None else NOON + timedelta(minutes=minute),
                sharpness=sharpness,
            )
            for face_number, (_, owner) in enumerate(faces):
                if owner is not None:
                    owned[owner].append(face_id(ref, VERSION, face_number))
        for owner, face_ids in owned.items():
            wearers.confirm(owner, face_ids)
        pages = list(all_pages(Searcher(index, friends, wearers, {SPACE: CALIBRATION}), query))
        whole = [scored for page in pages for scored in page.photos]
        for scored in whole:
            assert scored.score == pytest.approx(sum(part.contribution for part in scored.parts), abs=1e-6)
            assert sum(part.weight for part in scored.parts) == pytest.approx(1)
            assert tuple(part.part for part in scored.parts) == query.parts
            assert all(0 <= part.value <= 1 for part in scored.parts)
        assert all(len(page.photos) == query.limit for page in pages[:-1])
        assert [(-scored.score, scored.photo.photo_id) for scored in whole] == sorted(
            (-scored.score, scored.photo.photo_id) for scored in whole
        )
        answers.append(whole)
    in_memory, on_disk = answers
    assert bibs_of(in_memory) == bibs_of(on_disk)
    scores = {scored.photo: scored.score for scored in in_memory}
    assert [scored.score for scored in on_disk] == pytest.approx([scores[one.photo] for one in on_disk], abs=2e-3)


def bibs_of(answer: Sequence[ScoredPhoto]) -> dict[str, tuple[object, ...] | None]:
    return {
        scored.photo.name: scored.bib
        and (
            scored.bib.number,
            scored.bib.ocr_score,
            scored.bib.face_id,
            scored.bib.inferred,
            scored.bib.evidence_photo_id,
            scored.bib.evidence_face_id,
        )
        for scored in answer
    }
