"""What every FaceIndex promises: one suite over the index in memory and the one in Postgres."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.application.search.similar_faces import FaceMatch, most_similar_faces
from photofinish.domain.bib import Bib
from photofinish.domain.face import Embedding, Face, face_id
from photofinish.domain.photo import PhotoRef
from photofinish.errors import InvalidQuery, RejectedInput
from photofinish.ports import FaceIndex, SeenBib
from support.faces import bib, embedding, face, photo, random_embeddings
from support.index import VERSION, add, bibs_of, photos_with_bib, postgres_index

# Postgres keeps half precision: about three decimal digits of each number, so scores move by less than this.
TOLERANCE = 1e-3
EAST, NORTH, NORTH_EAST = embedding([1, 0, 0]), embedding([0, 1, 0]), embedding([1, 1, 0])
WEIRD_ALBUMS = [
    'O\'Brien "10k"',
    "'; drop table face; --",
    "$1 %s %(album)s {album_id} {} \\ %",
    "跑步 🏃🏽‍♀️ Zürich",
    "e\u0301te",  # not the same as the next, although it looks so
    "\u00e9te",
    "CASE",
    "case",
    " spaces at both ends ",
    "x" * 128,
    "🏃" * 128,
]
_fresh = itertools.count(1)

each_example_uses_its_own_album = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


@pytest.fixture
def memory_face_index() -> FaceIndex:
    return MemoryFaceIndex()


@pytest.fixture
def postgres_face_index(database: str) -> Iterator[FaceIndex]:
    with postgres_index(database) as index:
        yield index


@pytest.fixture(params=["memory", "postgres"])
def index(request: pytest.FixtureRequest) -> FaceIndex:
    index: FaceIndex = request.getfixturevalue(f"{request.param}_face_index")
    return index


def everything(index: FaceIndex, album: str, query: Embedding = EAST) -> list[FaceMatch]:
    return most_similar_faces(index, album, [query], limit=10_000, min_similarity=-1.1)


def photos_of(matches: list[FaceMatch]) -> list[PhotoRef]:
    return [match.face.photo for match in matches]


class TestReplace:
    def test_gives_back_what_was_put(self, index: FaceIndex) -> None:
        run = photo("race/cam 1/IMG_1.jpg", generation=1_700_000_000_000_000)
        put = [face(EAST, x=0.25), face(NORTH, x=0.5, quality=0.25)]
        assert add(index, run, put, [bib("42", 0.75, face_index=1), bib("7", 0.5)])

        found = everything(index, "race")
        assert [match.face.face_id for match in found] == [face_id(run, VERSION, 0), face_id(run, VERSION, 1)]
        for match, original in zip(found, put, strict=True):
            assert match.face.photo == run
            assert (match.face.box.x, match.face.box.y, match.face.box.w, match.face.box.h) == pytest.approx(
                (original.box.x, original.box.y, original.box.w, original.box.h)
            )
            assert match.face.detection_score == pytest.approx(original.detection_score)
            assert match.face.sharpness == pytest.approx(original.sharpness)
            assert match.face.quality == pytest.approx(original.quality)
        [(_, forty_two)], [(seven_on, seven)] = bibs_of(index, "race", "42"), bibs_of(index, "race", "7")
        assert forty_two.face_id == face_id(run, VERSION, 1)
        assert (forty_two.box.x, forty_two.box.y) == pytest.approx((0.2, 0.4))
        assert (seven_on, seven.number, seven.face_id) == (run, "7", None)
        assert seven.ocr_score == pytest.approx(0.5)

    def test_makes_these_the_only_faces_and_bibs(self, index: FaceIndex) -> None:
        other = photo("race/2.jpg")
        add(index, other, [face(NORTH)], [bib("2")])
        add(index, photo("race/1.jpg"), [face(EAST), face(NORTH), face(NORTH_EAST)], [bib("1"), bib("2")])
        add(index, photo("race/1.jpg"), [face(NORTH)], [bib("3")], version="2.test")
        assert {(match.face.photo.name, match.face.face_id) for match in everything(index, "race")} == {
            ("race/2.jpg", face_id(other, VERSION, 0)),
            ("race/1.jpg", face_id(photo("race/1.jpg"), "2.test", 0)),
        }
        assert bibs_of(index, "race", "1") == []
        assert photos_with_bib(index, "race", "2") == [other]
        assert photos_with_bib(index, "race", "3") == [photo("race/1.jpg")]

    def test_twice_equals_once(self, index: FaceIndex) -> None:
        def put() -> tuple[bool, list[FaceMatch], list[tuple[PhotoRef, SeenBib]]]:
            applied = add(index, photo("race/1.jpg"), [face(EAST), face(NORTH)], [bib("1", face_index=0)])
            return applied, everything(index, "race"), bibs_of(index, "race", "1")

        first = put()
        assert first[0]
        assert put() == first

    def test_a_newer_generation_takes_the_place_of_an_older_one(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 1), [face(EAST)], [bib("1")])
        assert add(index, photo("race/1.jpg", 2), [face(NORTH)], [bib("2")])
        assert photos_of(everything(index, "race")) == [photo("race/1.jpg", 2)]
        assert bibs_of(index, "race", "1") == []

    def test_an_older_generation_changes_nothing(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 2), [face(NORTH)], [bib("2")])
        before = everything(index, "race"), bibs_of(index, "race", "2")
        assert not add(index, photo("race/1.jpg", 1), [face(EAST), face(EAST)], [bib("1")])
        assert (everything(index, "race"), bibs_of(index, "race", "2")) == before
        assert bibs_of(index, "race", "1") == []

    def test_the_same_name_in_another_bucket_is_another_photo(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 2, bucket="a"), [face(EAST)])
        assert add(index, photo("race/1.jpg", 1, bucket="b"), [face(EAST)])
        assert len(everything(index, "race")) == 2

    def test_a_photo_without_faces_is_a_photo(self, index: FaceIndex) -> None:
        assert add(index, photo("race/1.jpg"), [], [bib("1")])
        assert everything(index, "race") == []
        assert photos_with_bib(index, "race", "1") == [photo("race/1.jpg")]

    @pytest.mark.parametrize(
        ("faces", "bibs", "error"),
        [
            ([face(embedding([1, 0]))], [], ValueError),  # the space has three dimensions
            ([face(NORTH)], [bib("2", face_index=1)], IndexError),
        ],
        ids=["another dimension", "a bib on a face that is not there"],
    )
    def test_what_cannot_be_indexed_changes_nothing(
        self, index: FaceIndex, faces: list[Face], bibs: list[Bib], error: type[Exception]
    ) -> None:
        add(index, photo("race/1.jpg"), [face(EAST)], [bib("1")])
        before = everything(index, "race"), bibs_of(index, "race", "1")
        with pytest.raises(error):
            add(index, photo("race/1.jpg", 2), faces, bibs)
        assert (everything(index, "race"), bibs_of(index, "race", "1")) == before
        assert add(index, photo("race/1.jpg", 2), [face(NORTH)])

    def test_of_many_at_once_the_newest_generation_wins_whole(self, index: FaceIndex) -> None:
        generations = [3, 1, 8, 5, 8, 2, 7, 8, 4, 6]
        start = threading.Barrier(len(generations))

        def put(generation: int) -> bool:
            start.wait(timeout=10)
            count = generation % 4 + 1
            return add(index, photo("race/1.jpg", generation), [face(EAST)] * count, [bib(str(generation))] * count)

        with ThreadPoolExecutor(len(generations)) as pool:
            applied = dict(zip(generations, pool.map(put, generations), strict=True))
        assert applied[8]
        assert photos_of(everything(index, "race")) == [photo("race/1.jpg", 8)]
        assert [bool(bibs_of(index, "race", str(number))) for number in range(1, 9)] == [False] * 7 + [True]

    def test_an_album_may_be_begun_by_many_at_once(self, index: FaceIndex) -> None:
        start = threading.Barrier(8)
        spaces = [embedding([1, 0, 0], "a"), embedding([1, 0, 0, 0], "b")]

        def put(number: int) -> bool:
            start.wait(timeout=10)
            return add(index, photo(f"new/{number}.jpg"), [face(spaces[number % 2])])

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(put, range(8)))
        assert len(everything(index, "new", spaces[0])) == len(everything(index, "new", spaces[1])) == 4

    def test_nobody_sees_half_a_photo(self, index: FaceIndex) -> None:
        """While a photo changes between three faces and one, a search sees three or one, of a single generation."""
        stop = threading.Event()

        def keep_replacing() -> int:
            for generation in itertools.count(1):
                add(index, photo("race/1.jpg", generation), [face(EAST)] * (3 if generation % 2 else 1))
                if stop.is_set():
                    return generation
            raise AssertionError("unreachable")

        add(index, photo("race/1.jpg", 0), [face(EAST)])
        with ThreadPoolExecutor(1) as pool:
            replacing = pool.submit(keep_replacing)
            try:
                seen = [photos_of(everything(index, "race")) for _ in range(100)]
            finally:
                stop.set()
            assert replacing.result(timeout=30) > 1
        for refs in seen:
            assert len(set(refs)) == 1
            assert len(refs) == (3 if refs[0].generation % 2 else 1)

    @pytest.mark.parametrize("name", ["race/a\0b.jpg", "race/\ud800.jpg", "race/" + "x/" * 500, "race/'; --\n\r\t.jpg"])
    def test_any_object_name_is_taken_or_rejected_clearly(self, index: FaceIndex, name: str) -> None:
        rejections = []
        try:
            add(index, photo(name), [face(EAST)])
        except RejectedInput as rejection:
            rejections = [rejection.code]
        assert rejections in ([], ["photo_name_not_allowed"])
        assert photos_of(everything(index, "race")) == ([] if rejections else [photo(name)])


class TestRemove:
    def test_forgets_faces_and_bibs_and_twice_equals_once(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg"), [face(EAST)], [bib("1")])
        add(index, photo("race/2.jpg"), [face(EAST)], [bib("1")])
        for _ in range(2):
            index.remove(photo("race/1.jpg"))
            assert photos_of(everything(index, "race")) == [photo("race/2.jpg")]
            assert photos_with_bib(index, "race", "1") == [photo("race/2.jpg")]

    def test_forgets_an_older_generation(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 1), [face(EAST)])
        index.remove(photo("race/1.jpg", 2))
        assert everything(index, "race") == []

    def test_leaves_a_newer_generation(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 2), [face(EAST)], [bib("1")])
        index.remove(photo("race/1.jpg", 1))
        assert photos_of(everything(index, "race")) == [photo("race/1.jpg", 2)]
        assert photos_with_bib(index, "race", "1") == [photo("race/1.jpg", 2)]

    @pytest.mark.parametrize("was_indexed", [True, False])
    def test_a_late_commit_of_an_older_generation_brings_nothing_back(
        self, index: FaceIndex, was_indexed: bool
    ) -> None:
        if was_indexed:
            add(index, photo("race/1.jpg", 1), [face(EAST)], [bib("1")])
        index.remove(photo("race/1.jpg", 2))
        assert not add(index, photo("race/1.jpg", 1), [face(EAST)], [bib("1")])
        assert everything(index, "race") == []
        assert bibs_of(index, "race", "1") == []

    def test_the_same_generation_can_be_indexed_again(self, index: FaceIndex) -> None:
        """A photo that one pipeline version rejects, the next one may read."""
        index.remove(photo("race/1.jpg"))
        assert add(index, photo("race/1.jpg"), [face(EAST)], version="2.test")
        assert photos_of(everything(index, "race")) == [photo("race/1.jpg")]


class TestHasAlbum:
    def test_once_a_photo_was_indexed_and_ever_after(self, index: FaceIndex) -> None:
        assert not index.has_album("race")
        add(index, photo("race/1.jpg"))
        assert index.has_album("race")
        assert not index.has_album("rac")
        assert not index.has_album("Race")
        index.remove(photo("race/1.jpg"))
        assert index.has_album("race")

    def test_not_for_a_removal_alone(self, index: FaceIndex) -> None:
        index.remove(photo("race/1.jpg"))
        assert not index.has_album("race")

    def test_photos_at_the_root_are_of_the_default_album(self, index: FaceIndex) -> None:
        add(index, photo("1.jpg"), [face(EAST)])
        assert index.has_album("default")
        assert photos_of(everything(index, "default")) == [photo("1.jpg")]


class TestAlbumNames:
    def test_every_name_is_its_own_album(self, index: FaceIndex) -> None:
        for album in WEIRD_ALBUMS:
            assert not index.has_album(album)
            assert add(index, photo(f"{album}/1.jpg"), [face(EAST)], [bib("1")])
        for album in WEIRD_ALBUMS:
            assert index.has_album(album)
            assert photos_of(everything(index, album)) == [photo(f"{album}/1.jpg")]
            assert photos_with_bib(index, album, "1") == [photo(f"{album}/1.jpg")]
        index.remove(photo(f"{WEIRD_ALBUMS[1]}/1.jpg"))
        assert [len(everything(index, album)) for album in WEIRD_ALBUMS] == [1, 0, *[1] * (len(WEIRD_ALBUMS) - 2)]

    @each_example_uses_its_own_album
    @given(album=st.text(max_size=200), number=st.text(max_size=200))
    def test_any_text_can_be_asked_for(self, index: FaceIndex, album: str, number: str) -> None:
        assert everything(index, album) == []
        assert bibs_of(index, album, number) == []
        assert not index.has_album(album)


class TestSearch:
    def test_unknown_album_no_queries_no_limit(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg"), [face(EAST)])
        assert everything(index, "other") == []
        assert most_similar_faces(index, "race", [], limit=5, min_similarity=-1) == []
        assert most_similar_faces(index, "race", [EAST], limit=0, min_similarity=-1) == []

    def test_a_face_counts_with_its_best_query(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg"), [face(EAST)])
        add(index, photo("race/2.jpg"), [face(NORTH)])
        add(index, photo("race/3.jpg"), [face(embedding([0, 0, 1]))])
        found = most_similar_faces(index, "race", [embedding([1, 0.2, 0]), NORTH], limit=5, min_similarity=0.5)
        assert [match.face.photo.name for match in found] == ["race/2.jpg", "race/1.jpg"]
        assert [match.similarity for match in found] == pytest.approx([1.0, 1 / np.sqrt(1.04)], abs=TOLERANCE)

    def test_equal_faces_come_by_face_id(self, index: FaceIndex) -> None:
        for number in range(20):
            add(index, photo(f"race/{number}.jpg"), [face(EAST)] * 2)
        ids = sorted(face_id(photo(f"race/{number}.jpg"), VERSION, i) for number in range(20) for i in range(2))
        assert [match.face.face_id for match in everything(index, "race")] == ids
        some = most_similar_faces(index, "race", [EAST, EAST], limit=7, min_similarity=0)
        assert [match.similarity for match in some] == pytest.approx([1.0] * 7)
        assert len({match.face.face_id for match in some}) == 7

    def test_spaces_are_never_compared(self, index: FaceIndex) -> None:
        """Of the same dimension and of another one, in one album and even in one photo."""
        same, wider = embedding([1, 0, 0], "same-dimension"), embedding([1, 0, 0, 0, 0], "wider")
        add(index, photo("race/1.jpg"), [face(EAST), face(same), face(wider)])
        add(index, photo("race/2.jpg"), [face(wider)])
        ids = [face_id(photo("race/1.jpg"), VERSION, number) for number in range(3)]
        assert [match.face.face_id for match in everything(index, "race", EAST)] == ids[:1]
        assert [match.face.face_id for match in everything(index, "race", same)] == ids[1:2]
        assert photos_of(everything(index, "race", wider)).count(photo("race/2.jpg")) == 1
        assert len(everything(index, "race", wider)) == 2
        assert everything(index, "race", embedding([1, 0, 0], "never seen")) == []

    def test_queries_that_cannot_be_compared_are_an_error(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg"), [face(EAST)])
        with pytest.raises(ValueError, match="one embedding space"):
            most_similar_faces(index, "race", [EAST, embedding([1, 0, 0], "other")], limit=5, min_similarity=0)
        with pytest.raises(InvalidQuery, match="3 dimensions"):
            most_similar_faces(index, "race", [embedding([1, 0])], limit=5, min_similarity=0)

    def test_a_rare_space_is_found_among_many_faces_of_another(self, index: FaceIndex) -> None:
        """A filter that lets one face in a hundred pass must not make the answer shorter."""
        common, rare = random_embeddings(1000, 8, seed=1), random_embeddings(10, 8, seed=2, space="rare")
        for number in range(10):
            faces = [face(one) for one in common[number * 100 : (number + 1) * 100]]
            add(index, photo(f"race/{number}.jpg"), [*faces, face(rare[number])])
        query = Embedding(common[0].vector, "rare")
        assert len(most_similar_faces(index, "race", [query], limit=10, min_similarity=-1.1)) == 10

    @each_example_uses_its_own_album
    @given(
        vectors=st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4).filter(any), max_size=30),
        queries=st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4).filter(any), min_size=1, max_size=5),
        limit=st.integers(1, 40),
        min_similarity=st.floats(-1, 1),
    )
    def test_finds_what_comparing_everything_finds(
        self,
        index: FaceIndex,
        vectors: list[list[int]],
        queries: list[list[int]],
        limit: int,
        min_similarity: float,
    ) -> None:
        album = f"album {next(_fresh)}"
        expected: dict[str, float] = {}
        for number, one in enumerate(vectors[start : start + 3] for start in range(0, len(vectors), 3)):
            ref = photo(f"{album}/{number}.jpg")
            add(index, ref, [face(embedding(vector)) for vector in one])
            for position, vector in enumerate(one):
                expected[face_id(ref, VERSION, position)] = max(
                    float(embedding(vector).vector @ embedding(query).vector) for query in queries
                )

        found = most_similar_faces(
            index, album, [embedding(query) for query in queries], limit=limit, min_similarity=min_similarity
        )

        similarities = [match.similarity for match in found]
        assert len({match.face.face_id for match in found}) == len(found)
        assert similarities == sorted(similarities, reverse=True)
        assert similarities == pytest.approx([expected[match.face.face_id] for match in found], abs=TOLERANCE)
        assert all(similarity >= min_similarity for similarity in similarities)
        surely = sum(similarity >= min_similarity + TOLERANCE for similarity in expected.values())
        perhaps = sum(similarity >= min_similarity - TOLERANCE for similarity in expected.values())
        assert min(limit, surely) <= len(found) <= min(limit, perhaps)
        best = sorted(expected.values(), reverse=True)[: len(found)]
        assert similarities == pytest.approx(best, abs=TOLERANCE)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["replace", "replace", "replace", "remove"]),
        st.integers(0, 2),  # which photo
        st.integers(1, 3),  # its generation
        st.lists(st.sampled_from([EAST, NORTH, NORTH_EAST, embedding([1, 0], "flat")]), max_size=3),
        st.lists(st.tuples(st.sampled_from("12"), st.sampled_from([0.25, 0.5])), max_size=2),
    ),
    max_size=12,
)


@each_example_uses_its_own_album
@given(steps=_STEPS)
def test_both_indexes_end_in_the_same_state(
    memory_face_index: FaceIndex,
    postgres_face_index: FaceIndex,
    steps: list[tuple[str, int, int, list[Embedding], list[tuple[str, float]]]],
) -> None:
    album = f"album {next(_fresh)}"

    def play(index: FaceIndex) -> list[object]:
        answers: list[object] = []
        for what, number, generation, embeddings, bibs in steps:
            ref = photo(f"{album}/{number}.jpg", generation)
            if what == "remove":
                index.remove(ref)
            else:
                faces = [face(one) for one in embeddings]
                answers.append(add(index, ref, faces, [bib(text, score) for text, score in bibs]))
            answers.append(index.has_album(album))
        answers.extend(
            [(match.face.photo, match.face.face_id) for match in everything(index, album, query)]
            for query in (EAST, embedding([1, 0], "flat"))
        )
        answers.extend([(photo, bib.ocr_score) for photo, bib in bibs_of(index, album, number)] for number in "12")
        return answers

    assert play(postgres_face_index) == play(memory_face_index)
