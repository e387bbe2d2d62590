"""Promises of FaceIndex when photos are replaced and removed, in memory and in Postgres."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish.application.search.similar_faces import FaceMatch
from photofinish.domain.bib import Bib
from photofinish.domain.face import Embedding, Face, face_id
from photofinish.domain.photo import PhotoRef
from photofinish.errors import RejectedInput
from photofinish.ports import FaceIndex, SeenBib
from support.examples import examples
from support.faces import bib, embedding, face, photo
from support.index import VERSION, add, bibs_of, everything, photos_of, photos_with_bib
from support.waiting import DEADLINE_S

EAST, NORTH, NORTH_EAST = embedding([1, 0, 0]), embedding([0, 1, 0]), embedding([1, 1, 0])
_fresh = itertools.count(1)

each_example_uses_its_own_album = settings(max_examples=examples(60))


class TestReplace:
    def test_faces_and_bibs_are_returned_as_they_were_indexed(self, index: FaceIndex) -> None:
        run = photo("race/cam 1/IMG_1.jpg", generation=1_700_000_000_000_000)
        put = [face(EAST, x=0.25), face(NORTH, x=0.5, quality=0.25)]
        assert add(index, run, put, [bib("42", 0.75, face_index=1), bib("7", 0.5)])

        found = everything(index, "race", EAST)
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

    def test_replacing_a_photo_removes_its_earlier_faces_and_bibs(self, index: FaceIndex) -> None:
        other = photo("race/2.jpg")
        add(index, other, [face(NORTH)], [bib("2")])
        add(index, photo("race/1.jpg"), [face(EAST), face(NORTH), face(NORTH_EAST)], [bib("1"), bib("2")])
        add(index, photo("race/1.jpg"), [face(NORTH)], [bib("3")], version="2.test")
        assert {(match.face.photo.name, match.face.face_id) for match in everything(index, "race", EAST)} == {
            ("race/2.jpg", face_id(other, VERSION, 0)),
            ("race/1.jpg", face_id(photo("race/1.jpg"), "2.test", 0)),
        }
        assert bibs_of(index, "race", "1") == []
        assert photos_with_bib(index, "race", "2") == [other]
        assert photos_with_bib(index, "race", "3") == [photo("race/1.jpg")]

    def test_replacing_twice_equals_once(self, index: FaceIndex) -> None:
        def put() -> tuple[bool, list[FaceMatch], list[tuple[PhotoRef, SeenBib]]]:
            applied = add(index, photo("race/1.jpg"), [face(EAST), face(NORTH)], [bib("1", face_index=0)])
            return applied, everything(index, "race", EAST), bibs_of(index, "race", "1")

        first = put()
        assert first[0]
        assert put() == first

    def test_a_newer_generation_replaces_an_older_one(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 1), [face(EAST)], [bib("1")])
        assert add(index, photo("race/1.jpg", 2), [face(NORTH)], [bib("2")])
        assert photos_of(everything(index, "race", EAST)) == [photo("race/1.jpg", 2)]
        assert bibs_of(index, "race", "1") == []

    def test_an_older_generation_changes_nothing(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 2), [face(NORTH)], [bib("2")])
        before = everything(index, "race", EAST), bibs_of(index, "race", "2")
        assert not add(index, photo("race/1.jpg", 1), [face(EAST), face(EAST)], [bib("1")])
        assert (everything(index, "race", EAST), bibs_of(index, "race", "2")) == before
        assert bibs_of(index, "race", "1") == []

    def test_the_same_name_in_another_bucket_is_another_photo(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 2, bucket="a"), [face(EAST)])
        assert add(index, photo("race/1.jpg", 1, bucket="b"), [face(EAST)])
        assert len(everything(index, "race", EAST)) == 2

    def test_a_photo_without_faces_is_a_photo(self, index: FaceIndex) -> None:
        assert add(index, photo("race/1.jpg"), [], [bib("1")])
        assert everything(index, "race", EAST) == []
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
        before = everything(index, "race", EAST), bibs_of(index, "race", "1")
        with pytest.raises(error):
            add(index, photo("race/1.jpg", 2), faces, bibs)
        assert (everything(index, "race", EAST), bibs_of(index, "race", "1")) == before
        assert add(index, photo("race/1.jpg", 2), [face(NORTH)])

    def test_of_concurrent_writes_the_newest_generation_remains(self, index: FaceIndex) -> None:
        generations = [3, 1, 8, 5, 8, 2, 7, 8, 4, 6]
        start = threading.Barrier(len(generations))

        def put(generation: int) -> bool:
            start.wait(timeout=DEADLINE_S)
            count = generation % 4 + 1
            return add(index, photo("race/1.jpg", generation), [face(EAST)] * count, [bib(str(generation))] * count)

        with ThreadPoolExecutor(len(generations)) as pool:
            applied = dict(zip(generations, pool.map(put, generations), strict=True))
        assert applied[8]
        assert photos_of(everything(index, "race", EAST)) == [photo("race/1.jpg", 8)]
        assert [bool(bibs_of(index, "race", str(number))) for number in range(1, 9)] == [False] * 7 + [True]

    def test_an_album_can_be_created_concurrently(self, index: FaceIndex) -> None:
        start = threading.Barrier(8)
        spaces = [embedding([1, 0, 0], "a"), embedding([1, 0, 0, 0], "b")]

        def put(number: int) -> bool:
            start.wait(timeout=DEADLINE_S)
            return add(index, photo(f"new/{number}.jpg"), [face(spaces[number % 2])])

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(put, range(8)))
        assert len(everything(index, "new", spaces[0])) == len(everything(index, "new", spaces[1])) == 4

    def test_a_search_never_sees_a_half_written_photo(self, index: FaceIndex) -> None:
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
                seen = [photos_of(everything(index, "race", EAST)) for _ in range(100)]
            finally:
                stop.set()
            assert replacing.result(timeout=DEADLINE_S) > 1
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
        assert photos_of(everything(index, "race", EAST)) == ([] if rejections else [photo(name)])


class TestRemove:
    def test_a_removed_photo_has_no_faces_and_bibs(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg"), [face(EAST)], [bib("1")])
        add(index, photo("race/2.jpg"), [face(EAST)], [bib("1")])
        for _ in range(2):
            index.remove(photo("race/1.jpg"))
            assert photos_of(everything(index, "race", EAST)) == [photo("race/2.jpg")]
            assert photos_with_bib(index, "race", "1") == [photo("race/2.jpg")]

    def test_removing_a_newer_generation_removes_an_older_one(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 1), [face(EAST)])
        index.remove(photo("race/1.jpg", 2))
        assert everything(index, "race", EAST) == []

    def test_removing_an_older_generation_keeps_a_newer_one(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg", 2), [face(EAST)], [bib("1")])
        index.remove(photo("race/1.jpg", 1))
        assert photos_of(everything(index, "race", EAST)) == [photo("race/1.jpg", 2)]
        assert photos_with_bib(index, "race", "1") == [photo("race/1.jpg", 2)]

    @pytest.mark.parametrize("was_indexed", [True, False])
    def test_a_late_commit_of_an_older_generation_changes_nothing_after_a_removal(
        self, index: FaceIndex, was_indexed: bool
    ) -> None:
        if was_indexed:
            add(index, photo("race/1.jpg", 1), [face(EAST)], [bib("1")])
        index.remove(photo("race/1.jpg", 2))
        assert not add(index, photo("race/1.jpg", 1), [face(EAST)], [bib("1")])
        assert everything(index, "race", EAST) == []
        assert bibs_of(index, "race", "1") == []

    def test_the_same_generation_can_be_indexed_again(self, index: FaceIndex) -> None:
        """A photo that one pipeline version rejects, the next one may read."""
        index.remove(photo("race/1.jpg"))
        assert add(index, photo("race/1.jpg"), [face(EAST)], version="2.test")
        assert photos_of(everything(index, "race", EAST)) == [photo("race/1.jpg")]


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
    memory_index: FaceIndex,
    index_in_postgres: FaceIndex,
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

    assert play(index_in_postgres) == play(memory_index)
