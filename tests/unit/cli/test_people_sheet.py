"""Contact sheets of people, and the ids on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish.errors import NotFound, RejectedInput, Unavailable
from photofinish_cli.people_sheet import caption, note, people_sheet
from photofinish_cli.person_ids import beginning_chars, only_match, whole_person_id

_RED, _EMPTY = (0, 0, 255), (44, 37, 34)


def person(number: int, *, url: str | None = "https://here/1", **fields: Any) -> dict[str, Any]:
    cover = (
        None
        if url is None
        else {"box": {"x": 0.4, "y": 0.4, "w": 0.1, "h": 0.1}, "renditions": {"preview": {"url": url}}}
    )
    person_id = f"{number:08x}-8d4e-4b7a-9f43-0a5b8d1c2e3f"
    return {"person_id": person_id, "name": None, "bib_numbers": [], "face_count": 1, "cover": cover} | fields


def fetch(url: str) -> NDArray[np.uint8]:
    if url == "https://gone":
        raise Unavailable("HTTP 404")
    return np.full((400, 600, 3), _RED, np.uint8)


def area(sheet: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    return int((sheet == colour).all(axis=2).sum())


def test_everyone_has_a_place_and_who_has_no_face_an_empty_one() -> None:
    seen: list[int] = []
    people = [person(0), person(1, url=None), person(2, url="https://gone"), person(3)]
    sheet, missing = people_sheet(people, fetch, on_done=lambda: seen.append(1))
    place = 260 * 260
    assert area(sheet, _RED) >= 2 * place * 0.99
    assert 2 * place * 0.99 <= area(sheet, _EMPTY) < 3 * place
    assert (missing, len(seen)) == (1, 4)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "no number"),
        ({"bib_numbers": ["1495"]}, "1495"),
        ({"name": "Ada", "bib_numbers": ["1495", "7"]}, "Ada  1495 7"),
        ({"name": "Ada"}, "Ada"),
    ],
)
def test_a_caption_names_the_person_as_far_as_known(fields: dict[str, Any], expected: str) -> None:
    assert caption(person(1, **fields)) == expected


def test_a_note_counts_in_plain_words_and_begins_the_id() -> None:
    assert note(person(0xC0FFEE, face_count=1)) == "1 face · 00c0ffee"
    assert note(person(0xC0FFEE, face_count=2)) == "2 faces · 00c0ffee"


class TestPersonIds:
    ids = ("0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f", "0c6f3b1e-0000-4b7a-9f43-0a5b8d1c2e3f", "1111aaaa-0000")

    def test_the_beginning_of_one_id_is_enough(self) -> None:
        assert only_match("1111", self.ids, "race") == self.ids[2]
        assert only_match("0c6f3b1e-8", self.ids, "race") == self.ids[0]

    def test_the_beginning_of_several_ids_is_refused_with_those_ids(self) -> None:
        with pytest.raises(RejectedInput, match=f"{self.ids[1]}, {self.ids[0]}; give more"):
            only_match("0c6f3b1e", self.ids, "race")

    def test_the_beginning_of_no_id_is_not_found(self) -> None:
        with pytest.raises(NotFound, match="'race' has an id that begins with 2222"):
            only_match("2222", self.ids, "race")

    @pytest.mark.parametrize("given", ["", "0c6", "Ada Lovelace", "../keys", "0c6f/../x"])
    def test_what_begins_no_id_is_refused_with_where_to_find_one(self, given: str) -> None:
        with pytest.raises(RejectedInput, match="photofinish people list race"):
            whole_person_id("race", given)

    @given(ids=st.lists(st.uuids().map(str) | st.from_regex("aaaaaaaa-[ab]{3}", fullmatch=True), unique=True))
    def test_shown_beginnings_are_unique(self, ids: list[str]) -> None:
        chars = beginning_chars(ids)
        assert chars >= 8
        for one in ids:
            assert only_match(one[:chars], ids, "race") == one

    def test_a_whole_id_needs_no_list(self) -> None:
        assert whole_person_id("race", f" {self.ids[0].upper()} ") == self.ids[0]
