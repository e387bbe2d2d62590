"""How words of a description fit what was read."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from photofinish.domain.word_matching import MISSPELLED, MatchedBy, MatchedWord, match_words, spellings, word_values

LETTERS = st.text(string.ascii_lowercase, min_size=5, max_size=12)
WORDS = st.lists(
    st.sampled_from(["finish", "line", "zurich", "42", "kilometre", "of", "start"]), min_size=1, unique=True
)
NO_NUMBERS: dict[str, float] = {}


def best(word: str, *read: str) -> MatchedWord | None:
    return match_words([word], read, NO_NUMBERS).get(word)


@given(
    LETTERS,
    st.integers(0, 11),
    st.sampled_from(string.ascii_lowercase),
    st.sampled_from(["one less", "one more", "another", "swapped"]),
)
def test_a_word_is_found_however_one_letter_is_wrong(word: str, at: int, letter: str, how: str) -> None:
    at %= len(word) - 1
    wrong = {
        "one less": word[:at] + word[at + 1 :],
        "one more": word[:at] + letter + word[at:],
        "another": word[:at] + letter + word[at + 1 :],
        "swapped": word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    }[how]
    assume(wrong != word)
    for wanted, read in ((word, wrong), (wrong, word)):
        found = best(wanted, read)
        assert found == MatchedWord(word=wanted, read=read, by=MatchedBy.SPELLING, value=MISSPELLED), how


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        ("run", "fun"),
        ("1234", "1235"),
        ("a1234", "b1234"),
        ("finish", "fines"),
        ("marathon", "triathlon"),
        ("of", "off"),
    ],
)
def test_other_words_short_words_and_numbers_are_no_misspellings(wanted: str, read: str) -> None:
    assert best(wanted, read) is None


def test_a_word_as_it_is_comes_before_numbers_and_misspellings() -> None:
    found = match_words(["42", "finish", "line"], ["finish", "finsh", "42", "lime"], {"42": 0.5, "7": 0.9})
    assert [(one.read, one.by, one.value) for one in found.values()] == [
        ("42", MatchedBy.WORD, 1.0),
        ("finish", MatchedBy.WORD, 1.0),
        ("lime", MatchedBy.SPELLING, MISSPELLED),
    ]
    [number] = match_words(["7"], ["finish"], {"7": 0.9}).values()
    assert (number.by, number.value) == (MatchedBy.NUMBER, 0.9)


@given(WORDS, st.lists(st.frozensets(st.sampled_from(["finish", "line", "zurich", "42", "start"])), max_size=8))
def test_values_are_shares_and_grow_with_each_word(wanted: list[str], photos: list[frozenset[str]]) -> None:
    matches = {str(number): match_words(wanted, read, NO_NUMBERS) for number, read in enumerate(photos)}
    values = word_values(wanted, matches)
    for one, found in matches.items():
        assert 0 <= values[one] <= 1 + 1e-9
        assert (values[one] > 0) == bool(found)
        for other, more in matches.items():
            if found.keys() <= more.keys():
                assert values[one] <= values[other] + 1e-9
        if found.keys() == set(wanted):
            assert values[one] == pytest.approx(1)


def test_a_rare_word_counts_more_than_one_of_many_photos() -> None:
    matches = {str(number): match_words(["finish", "zurich"], ["finish"], NO_NUMBERS) for number in range(9)}
    matches["rare"] = match_words(["finish", "zurich"], ["zurich"], NO_NUMBERS)
    values = word_values(["finish", "zurich"], matches)
    assert values["rare"] > 2 * values["0"]


def test_long_words_have_no_forms_of_their_own() -> None:
    assert spellings("x" * 21) == frozenset(["x" * 21])
    assert spellings("line") == frozenset(["line", "ine", "lne", "lie", "lin"])
