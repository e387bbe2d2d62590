"""How an album's bib rules read a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.bib_rules import BibRules


def test_letters_that_look_like_digits_are_edited_beside_digits() -> None:
    rules = BibRules()
    assert rules.runs("29O6") == [(0, "2906")]
    assert rules.runs("I25S") == [(1, "25")], "half of the word are letters, so nothing is replaced"
    assert rules.runs("No 12S") == [(3, "125")]
    assert rules.runs("BOSS") == []
    assert BibRules(edits={}).runs("29O6") == [(0, "29"), (3, "6")]


def test_lengths_and_prefixes() -> None:
    rules = BibRules(min_digits=3, max_digits=4, prefixes=("2", "31"))
    assert [number for number in ("29", "290", "2906", "29061", "3106", "3206") if rules.allows(number)] == [
        "290",
        "2906",
        "3106",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_digits": 0},
        {"min_digits": 4, "max_digits": 3},
        {"prefixes": ("A",)},
        {"prefixes": ("",)},
        {"edits": {"OO": "0"}},
        {"edits": {"O": "x"}},
        {"edits": {"O": "00"}},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="digit"):
        BibRules(**wrong)  # type: ignore[arg-type]


@given(st.text("0123456789OISB A-é", max_size=20))
def test_runs_are_digits_at_their_positions(text: str) -> None:
    rules = BibRules()
    for start, number in rules.runs(text):
        assert number.isascii()
        assert number.isdigit()
        read = text[start : start + len(number)]
        assert len(read) == len(number)
        for character, digit in zip(read, number, strict=True):
            assert character == digit or rules.edits[character] == digit
