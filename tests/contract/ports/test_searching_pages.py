"""Filters, pages, and that both implementations of the index give the same pages."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.memory.people import MemoryPeopleNumbers
from photofinish.adapters.postgres.database import Database
from photofinish.application.search.searcher import Searcher
from photofinish.domain.burst import face_value
from photofinish.domain.face import face_id
from photofinish.domain.search import Part, PhotoFilter, SearchQuery, Weights
from photofinish.domain.search_results import ScoredPhoto
from photofinish.errors import InvalidQuery
from photofinish.ports import FaceIndex
from support.examples import examples
from support.faces import SPACE, bib, embedding, face, photo
from support.index import VERSION, add
from support.searching import (
    CALIBRATION,
    EAST,
    NOON,
    NORTH,
    UP,
    NamedPeople,
    NumberedPeople,
    NumberedPeopleInPostgres,
    all_pages,
    found,
    value,
)

_fresh = itertools.count(1)


class TestBursts:
    @pytest.fixture(autouse=True)
    def album(self, index: FaceIndex) -> None:
        """Three near duplicates, of which the sharpest was read worst, and one of each that is in no burst."""
        for name, after_s, ocr_score, sharpness, hash_ in (
            ("a", 0.0, 0.9, 0.3, 2**64 - 1),
            ("b", 0.5, 0.5, 0.8, 2**64 - 2),
            ("c", 1.0, 0.7, 0.5, 2**64 - 1),
            ("later", 60.0, 0.8, 0.5, 2**64 - 1),
            ("old", 0.5, 0.6, 0.5, None),
        ):
            add(
                index,
                photo(f"race/{name}.jpg"),
                bibs=[bib("42", ocr_score)],
                taken_at=NOON + timedelta(seconds=after_s),
                camera="X",
                sharpness=sharpness,
                perceptual_hash=hash_,
            )

    QUERY = SearchQuery(album="race", bib="42", weights=Weights(quality=0), collapse_bursts=True)

    def test_the_best_shot_is_shown_and_the_burst_ranks_by_its_highest_score(self, searcher: Searcher) -> None:
        page = searcher.search(self.QUERY)
        assert found(page) == ["b.jpg", "later.jpg", "old.jpg"]
        folded = [[one.photo.name for one in shown.folded or ()] for shown in page.photos]
        assert folded == [["race/c.jpg", "race/a.jpg"], [], []]
        assert page.photos[0].score == pytest.approx(0.5), "the score of the photo that is shown"

    def test_without_collapsing_all_are_shown(self, searcher: Searcher) -> None:
        page = searcher.search(replace(self.QUERY, collapse_bursts=False))
        assert found(page) == ["a.jpg", "later.jpg", "c.jpg", "old.jpg", "b.jpg"]
        assert {shown.folded for shown in page.photos} == {None}

    def test_a_burst_is_not_divided_by_pages(self, searcher: Searcher) -> None:
        pages = all_pages(searcher, replace(self.QUERY, limit=1))
        assert [found(page) for page in pages] == [["b.jpg"], ["later.jpg"], ["old.jpg"]]

    def test_only_found_photos_are_folded(self, searcher: Searcher) -> None:
        window = PhotoFilter(taken_until=NOON + timedelta(seconds=0.5))
        page = searcher.search(replace(self.QUERY, where=window))
        assert [one.photo.name for one in page.photos[0].folded or ()] == ["race/a.jpg"]

    def test_a_photo_that_was_removed_is_in_no_burst(self, searcher: Searcher, index: FaceIndex) -> None:
        index.remove(photo("race/c.jpg"))
        assert [len(shown.folded or ()) for shown in searcher.search(self.QUERY).photos] == [1, 0, 0]

    def test_a_large_clear_face_makes_a_photo_better(self, index: FaceIndex) -> None:
        add(index, photo("race/d.jpg"), [face(EAST)], taken_at=NOON, camera="X", perceptual_hash=2**64 - 1)
        with index.reading("race") as reading:
            shots = {shot.photo_id: shot for shot in reading.shots(PhotoFilter())}
            [one] = reading.shots(PhotoFilter(), photo_ids=[photo("race/d.jpg").photo_id])
            assert reading.shots(PhotoFilter(), photo_ids=[]) == []
        assert (len(shots), shots[one.photo_id]) == (6, one)
        assert one.face == pytest.approx(face_value(face(EAST).quality, face(EAST).box.h), abs=1e-6)
        assert one.perceptual_hash == 2**64 - 1
        assert shots[photo("race/old.jpg").photo_id].perceptual_hash is None
        assert shots[photo("race/a.jpg").photo_id].face == 0


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
    def test_pages_have_every_photo_once_in_order(self, index: FaceIndex, searcher: Searcher) -> None:
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

    def test_added_and_removed_photos_do_not_move_others(self, index: FaceIndex, searcher: Searcher) -> None:
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

    def test_pages_go_on_after_the_first_two_hundred_faces(self, index: FaceIndex, searcher: Searcher) -> None:
        """A person on 320 photos."""
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


@settings(max_examples=examples(60))
@given(photos=_PHOTOS, criteria=_QUERIES)
def test_both_indexes_give_the_same_pages(
    memory_index: MemoryFaceIndex,
    index_in_postgres: FaceIndex,
    named_people: NamedPeople,
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
    both: list[tuple[FaceIndex, NumberedPeople]] = [
        (memory_index, MemoryPeopleNumbers(memory_index)),
        (index_in_postgres, NumberedPeopleInPostgres(connections, album)),
    ]
    for index, numbered_people in both:
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
            numbered_people.confirm(owner, face_ids)
        pages = list(all_pages(Searcher(index, named_people, numbered_people, {SPACE: CALIBRATION}), query))
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
