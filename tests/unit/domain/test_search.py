"""What can be asked of an album, and the words that texts are compared by."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.search import (
    MAX_LIMIT,
    Part,
    PhotoFilter,
    SearchQuery,
    Weights,
    folder_of,
    other_numbers,
    words,
)
from photofinish.domain.start_list import BibCandidate
from support.faces import bib, embedding, photo

NOON = datetime(2026, 5, 3, 12)


class TestQuery:
    @pytest.mark.parametrize(
        ("criteria", "problem"),
        [
            ({}, "asks for something"),
            ({"embeddings": (embedding([1, 0]),) * 6}, "at most 5"),
            ({"embeddings": (embedding([1, 0]), embedding([1, 0], "other"))}, "one embedding space"),
            ({"embeddings": (embedding([1, 0]), embedding([1, 0, 0]))}, "one dimension"),
            ({"name": "x" * 201}, "201 characters"),
            ({"name": "..."}, "no letter"),
            ({"bib": "1", "limit": 0}, "limit"),
            ({"bib": "1", "limit": MAX_LIMIT + 1}, "limit"),
            ({"bib": "1", "min_similarity": 1.5}, "cosine"),
            ({"bib": "1", "min_similarity": float("nan")}, "cosine"),
            ({"bib": "1", "weights": Weights(bib=0, quality=0)}, "weights"),
        ],
    )
    def test_what_cannot_be_asked_is_said_in_words(self, criteria: dict[str, Any], problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            SearchQuery(album="race", **criteria)

    @pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
    def test_weights_are_numbers_of_0_or_more(self, value: float) -> None:
        with pytest.raises(ValueError, match="'text'"):
            Weights(text=value)

    @pytest.mark.parametrize(
        ("criteria", "problem"),
        [
            ({"taken_from": NOON.replace(tzinfo=UTC)}, "time zone"),
            ({"taken_from": NOON, "taken_until": datetime(2026, 5, 3, 11)}, "ends before"),
            ({"text": "!?"}, "no letter"),
        ],
    )
    def test_filters_make_sense(self, criteria: dict[str, Any], problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            PhotoFilter(**criteria)

    def test_is_scored_by_what_it_asks_for(self) -> None:
        everything = SearchQuery(
            album="race",
            embeddings=(embedding([1, 0]),),
            bib="1",
            name="Ann",
            where=PhotoFilter(taken_from=NOON, taken_until=NOON, text="finish", camera="x", folder="y"),
        )
        assert everything.parts == tuple(Part)
        half_a_window = SearchQuery(album="race", where=PhotoFilter(taken_from=NOON))
        assert half_a_window.parts == (Part.QUALITY,)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("race/cam2/a/1.jpg", "cam2/a"),
        ("race/1.jpg", ""),
        ("1.jpg", ""),
        ("__reserved__/a/1.jpg", "__reserved__/a"),  # in the album `default`
        ("race//1.jpg", ""),
        ("race/race/1.jpg", "race"),
    ],
)
def test_folders_are_below_the_album(name: str, folder: str) -> None:
    assert folder_of(photo(name)) == folder


def test_a_bib_may_be_other_numbers() -> None:
    candidates = tuple(
        BibCandidate(number=number, probability=share) for number, share in (("6", 0.5), ("8", 0.4), ("9", 0.1))
    )
    assert other_numbers(replace(bib("6", 0.5), candidates=candidates)) == pytest.approx({"8": 0.4, "9": 0.1})
    assert other_numbers(bib("6")) == {}


@given(st.text())
def test_words_are_the_same_however_they_are_written(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    assert words(text.upper().lower()) == words(text.lower()) or not text.isascii()
    assert all(character.isalnum() for word in found for character in word if character.isascii())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Müller-Lüdenscheidt, 2906!", ["muller", "ludenscheidt", "2906"]),
        ("mu\u0308ller", ["muller"]),
        ("O'Brien", ["o", "brien"]),
        ("跑步 2026", ["跑步", "2026"]),
        (" \n\t", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected
