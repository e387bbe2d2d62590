"""Queries and their filters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from photofinish.domain.depiction import SimilarityScale
from photofinish.domain.search import (
    MAX_LIMIT,
    Description,
    IndexedPhoto,
    Part,
    PhotoFilter,
    SearchQuery,
    Weights,
    folder_of,
)
from photofinish.errors import InvalidQuery
from support.faces import embedding, photo

SCALE = SimilarityScale(unrelated=0.3, related=0.7)
NOON = datetime(2026, 5, 3, 12)


class TestQuery:
    @pytest.mark.parametrize(
        ("criteria", "problem"),
        [
            ({}, "at least one of"),
            ({"embeddings": (embedding([1, 0]),) * 6}, "at most 5"),
            ({"embeddings": (embedding([1, 0]), embedding([1, 0], "other"))}, "one embedding space"),
            ({"embeddings": (embedding([1, 0]), embedding([1, 0, 0]))}, "same number of dimensions"),
            ({"name": "x" * 201}, "not 201"),
            ({"name": "..."}, "no letter"),
            ({"bib": "1", "limit": 0}, "limit"),
            ({"bib": "1", "limit": MAX_LIMIT + 1}, "limit"),
            ({"bib": "1", "min_similarity": 1.5}, "cosine"),
            ({"bib": "1", "min_similarity": float("nan")}, "cosine"),
            ({"bib": "1", "weights": Weights(bib=0, quality=0)}, "weight above 0"),
        ],
    )
    def test_an_invalid_query_is_refused(self, criteria: dict[str, Any], problem: str) -> None:
        with pytest.raises(InvalidQuery, match=problem):
            SearchQuery(album="race", **criteria)

    @pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
    def test_weights_are_0_or_more(self, value: float) -> None:
        with pytest.raises(InvalidQuery, match="'text'"):
            Weights(text=value)

    @pytest.mark.parametrize(
        ("criteria", "problem"),
        [
            ({"taken_from": NOON.replace(tzinfo=UTC)}, "time zone"),
            ({"taken_from": NOON, "taken_until": datetime(2026, 5, 3, 11)}, "ends before"),
            ({"text": "!?"}, "no letter"),
        ],
    )
    def test_an_invalid_filter_is_refused(self, criteria: dict[str, Any], problem: str) -> None:
        with pytest.raises(InvalidQuery, match=problem):
            PhotoFilter(**criteria)

    def test_is_scored_by_its_criteria(self) -> None:
        everything = SearchQuery(
            album="race",
            embeddings=(embedding([1, 0]),),
            bib="1",
            name="Ann",
            about=Description(text="a dog", place=embedding([1, 0], "labels"), scale=SCALE),
            where=PhotoFilter(taken_from=NOON, taken_until=NOON, text="finish", camera="x", folder="y"),
        )
        assert everything.parts == tuple(Part)
        half_a_window = SearchQuery(album="race", where=PhotoFilter(taken_from=NOON))
        assert half_a_window.parts == (Part.QUALITY,)

    def test_a_description_is_scored_by_what_it_can_be_compared_with(self) -> None:
        only_words = SearchQuery(album="race", about=Description(text="a dog"))
        assert only_words.parts == (Part.WORDS, Part.QUALITY)
        with_names = SearchQuery(album="race", about=Description(text="a dog", with_names=True))
        assert with_names.parts == (Part.NAME, Part.WORDS, Part.QUALITY)

    def test_a_description_has_its_words_once_and_few_that_may_be_names(self) -> None:
        description = Description(text="Ann, ANN and no 42 of Zürich one two three four five", with_names=True)
        assert description.words[:5] == ("ann", "and", "no", "42", "of")
        assert description.name_words == ("ann", "and", "zurich", "one", "two", "three")
        assert Description(text="Ann").name_words == ()

    @pytest.mark.parametrize(("text", "problem"), [("x" * 201, "not 201"), ("?!", "no letter"), ("", "no letter")])
    def test_a_description_without_words_is_refused(self, text: str, problem: str) -> None:
        with pytest.raises(InvalidQuery, match=problem):
            Description(text=text)


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


def test_the_lines_that_any_word_was_read_in() -> None:
    indexed = IndexedPhoto(
        photo=photo("race/1.jpg"),
        pipeline_version="1",
        taken_at=None,
        corrected_at=None,
        camera=None,
        lines=("FINISHLINE", "no", "2906", ""),
        sharpness=0.5,
        width=640,
        height=480,
    )
    assert indexed.lines_with(["finish", "29"]) == ("FINISHLINE", "2906")
