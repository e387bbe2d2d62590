"""The words by which texts are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.words import searchable, text_match, words


@given(st.text())
def test_words_do_not_depend_on_how_they_are_written(text: str) -> None:
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


@pytest.mark.parametrize(
    ("query_words", "lines", "value"),
    [
        (["finish"], ["FINISH!"], 1.0),
        (["finish"], ["finishline"], 0.5),
        (["finish"], ["finishline", "the finish"], 1.0),
        (["finish", "2906"], ["2906", "finishers"], 0.75),
        (["muller"], ["Müller"], 1.0),
        (["finishline"], ["finish", "line"], 0.0),
        (["finish"], [], 0.0),
    ],
)
def test_whole_words_count_more(query_words: list[str], lines: list[str], value: float) -> None:
    assert text_match(query_words, "\n".join(map(searchable, lines))) == value


@given(
    st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=3),
    st.lists(st.text("abc ", max_size=6), max_size=4),
    st.text("abc ", max_size=6),
)
def test_more_text_never_matches_less(query_words: list[str], lines: list[str], line: str) -> None:
    few, more = ("\n".join(map(searchable, some)) for some in (lines, [*lines, line]))
    assert 0 <= text_match(query_words, few) <= text_match(query_words, more) <= 1
