"""What the bib rules of an album allow."""

from __future__ import annotations

import pytest

from photofinish.domain.bib_rules import BibRules, Letters
from photofinish.domain.start_list import StartList


def test_lengths_and_prefixes() -> None:
    rules = BibRules(min_digits=3, max_digits=4, prefixes=("2", "31"))
    assert [number for number in ("29", "290", "2906", "29061", "3106", "3206") if rules.allows(number)] == [
        "290",
        "2906",
        "3106",
    ]


def test_letters_do_not_count_as_digits_and_prefixes_may_have_them() -> None:
    assert BibRules(min_digits=3, max_digits=3).allows("AB123")
    assert not BibRules(min_digits=3, max_digits=3).allows("A12")
    assert [n for n in ("A123", "B123", "123", "A23") if BibRules(prefixes=("A1",)).allows(n)] == ["A123"]
    assert [n for n in ("A123", "B123", "123", "A23") if BibRules(prefixes=("1",)).allows(n)] == ["A123", "B123", "123"]


def test_letters_of_the_start_list_are_allowed() -> None:
    assert not BibRules().letters_before
    assert not BibRules().letters_after
    listed = BibRules(start_list=StartList({"A123": "", "17": ""}))
    assert listed.letters_before
    assert not listed.letters_after
    both = BibRules(letters=Letters.BOTH)
    assert both.letters_before
    assert both.letters_after


def test_every_rule_is_in_the_fingerprint() -> None:
    some = [
        BibRules(),
        BibRules(min_digits=1),
        BibRules(letters=Letters.BEFORE),
        BibRules(letters=Letters.AFTER),
        BibRules(prefixes=("1",)),
        BibRules(edits={}),
        BibRules(start_list=StartList({"17": ""})),
    ]
    assert len({rules.fingerprint for rules in some}) == len(some)
    assert BibRules().fingerprint == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_digits": 0},
        {"min_digits": 4, "max_digits": 3},
        {"prefixes": ("a",)},
        {"prefixes": ("1A",)},
        {"prefixes": ("",)},
        {"edits": {"OO": "0"}},
        {"edits": {"O": "x"}},
        {"edits": {"O": "00"}},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="digit"):
        BibRules(**wrong)  # type: ignore[arg-type]
