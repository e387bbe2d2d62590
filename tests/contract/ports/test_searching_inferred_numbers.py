"""Numbers read beside a face on one photo are inferred for the same person's faces on other photos."""

from __future__ import annotations

from datetime import timedelta

import pytest

from photofinish.application.search.evidence import INFERRED_SHARE
from photofinish.application.search.searcher import Searcher
from photofinish.domain.face import face_id
from photofinish.domain.search import Part, PhotoFilter, SearchQuery, Weights
from photofinish.ports import FaceIndex
from support.faces import bib, face, photo
from support.index import VERSION, add
from support.searching import (
    EAST,
    NOON,
    NORTH,
    UP,
    NumberedPeople,
    all_pages,
    found,
    value,
)


class TestInferredNumber:
    @pytest.fixture(autouse=True)
    def album(self, index: FaceIndex, numbered_people: NumberedPeople) -> None:
        add(index, photo("race/a/seen.jpg"), [face(UP), face(EAST)], [bib("42", 0.75, face_index=1)], taken_at=NOON)
        add(index, photo("race/b/back.jpg"), [face(NORTH), face(EAST, x=0.5)], taken_at=NOON + timedelta(hours=1))
        add(index, photo("race/b/weak.jpg"), [], [bib("42", 0.5)])
        add(index, photo("race/b/other.jpg"), [face(NORTH)], [bib("7", 0.9, face_index=0)])
        add(index, photo("race/b/also.jpg"), [face(NORTH)])
        numbered_people.confirm("ann", [self.face("a/seen", 1), self.face("b/back", 1)])

    def face(self, name: str, number: int) -> str:
        return face_id(photo(f"race/{name}.jpg"), VERSION, number)

    def test_an_inferred_number_has_evidence_and_ranks_below_read_numbers(self, searcher: Searcher) -> None:
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

    def test_numbers_are_inferred_only_in_searches_for_a_number(self, searcher: Searcher) -> None:
        assert found(searcher.search(SearchQuery(album="race", bib="7"))) == ["b/other.jpg"]
        by_face = searcher.search(SearchQuery(album="race", embeddings=(EAST,)))
        assert [scored.bib for scored in by_face.photos] == [None, None]

    def test_an_inferred_number_adds_to_the_score_of_a_similar_face(self, searcher: Searcher) -> None:
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
    def test_numbers_are_inferred_only_on_photos_that_meet_the_filter(
        self, searcher: Searcher, where: PhotoFilter, names: list[str]
    ) -> None:
        query = SearchQuery(album="race", bib="42", where=where, weights=Weights(quality=0))
        assert found(searcher.search(query)) == names

    def test_two_numbers_of_one_person_are_not_inferred_until_a_user_decides(
        self, index: FaceIndex, searcher: Searcher, numbered_people: NumberedPeople
    ) -> None:
        add(index, photo("race/b/twice.jpg"), [face(EAST)], [bib("43", 0.9, face_index=0)])
        numbered_people.confirm("ann", [self.face("b/twice", 0)])
        for number in ("42", "43"):
            assert not inferred(searcher, number)
        numbered_people.decide_number("ann", "43", confirmed=False)
        assert inferred(searcher, "42") == {"b/back.jpg", "b/twice.jpg"}
        assert not inferred(searcher, "43")

    def test_a_number_of_two_people_is_not_inferred_until_a_user_decides(
        self, index: FaceIndex, searcher: Searcher, numbered_people: NumberedPeople
    ) -> None:
        add(index, photo("race/b/bea.jpg"), [face(NORTH)], [bib("42", 0.9, face_index=0)])
        numbered_people.confirm("bea", [self.face("b/bea", 0), self.face("b/also", 0)])
        assert not inferred(searcher, "42")
        numbered_people.decide_number("bea", "42", confirmed=True)
        assert inferred(searcher, "42") == {"b/also.jpg"}
        numbered_people.decide_number("ann", "42", confirmed=False)
        assert inferred(searcher, "42") == {"b/also.jpg"}

    def test_a_rejected_number_is_not_inferred(self, searcher: Searcher, numbered_people: NumberedPeople) -> None:
        numbered_people.decide_number("ann", "42", confirmed=False)
        assert found(searcher.search(SearchQuery(album="race", bib="42"))) == ["a/seen.jpg", "b/weak.jpg"]

    def test_a_confirmed_number_is_found_without_a_reading(
        self, searcher: Searcher, numbered_people: NumberedPeople
    ) -> None:
        numbered_people.decide_number("ann", "99", confirmed=True)
        numbered_people.decide_number("ann", "42", confirmed=False)
        one, other = searcher.search(SearchQuery(album="race", bib="99")).photos
        assert {one.photo.name, other.photo.name} == {"race/a/seen.jpg", "race/b/back.jpg"}
        assert one.bib is not None
        assert (one.bib.ocr_score, one.bib.evidence_photo_id, one.bib.evidence_face_id) == (None, None, None)
        assert value(one, Part.BIB) == INFERRED_SHARE

    def test_a_number_is_not_inferred_once_its_evidence_is_removed(self, index: FaceIndex, searcher: Searcher) -> None:
        index.remove(photo("race/a/seen.jpg"))
        assert found(searcher.search(SearchQuery(album="race", bib="42"))) == ["b/weak.jpg"]

    def test_inferred_numbers_are_paged(self, searcher: Searcher) -> None:
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
