"""Which numbers are read in a line of text: whole words, with their letters, and no pieces of anything else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.bib_number import digits_of, is_bib_number, normal_number
from photofinish.domain.bib_reading import read_numbers
from photofinish.domain.bib_rules import BibRules, Letters

USUAL = BibRules()
LETTERS = BibRules(letters=Letters.BOTH, min_digits=1)


def numbers(line: str, rules: BibRules = USUAL) -> list[str]:
    return [read.number for read in read_numbers(line, rules)]


@pytest.mark.parametrize(
    "line",
    [
        *("01:23:45", "10:30", "1h23", "12.5", "1,234", "1.234,50", "1'234", "3/4", "2:1", "4x4", "12+"),
        *("17.05.2026", "2026-05-17", "05/17/26", "17. Mai 2026", "MAY 17, 2026", "17 OCT", "DEC 2026", "17.05. 2026"),
        *("$19", "19€", "€ 19", "19 EUR", "CHF 25", "19,-", "19.90", "-50%", "50 %"),
        *(
            "42.195 km",
            "10 km",
            "10K",
            "21KM",
            "500 m",
            "500M",
            "26.2 miles",
            "90 min",
            "24h",
            "12 AM",
            "9 Uhr",
            "70 kg",
        ),
        *("TEL77", "TEL 77 12345", "Tel. 0911 123456", "+49 911 123456", "0911/123456", "(555) 123-4567"),
        *("030 123 45 67", "06 12 34 56 78", "CALL 12345"),
        *("M-AB 1234", "HH AB 1234", "AB-123-CD", "AB12 CDE", "ABC-1234", "KA 01 AB 1234", "7ABC123"),
        *("MPX300", "RUN97", "12th", "EST. 1985", "20°C", "run2026.org", "10:30 1234", "٤٢", "²³"),
    ],
)
def test_no_piece_of_something_else_is_a_number(line: str) -> None:
    assert numbers(line) == []


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("1234", ["1234"]),
        ("-1234.", ["1234"]),
        ("(1234)", ["1234"]),
        ("#1234", ["1234"]),
        ("No.1234", ["1234"]),
        ("No 123 / 45", ["123", "45"]),
        ("ANNA 123", ["123"]),
        ("123 GERMANY", ["123"]),
        ("MAY 123", ["123"]),
        ("2026", ["2026"]),
        ("123M", ["123"]),
        ("ABC 1234", ["1234"]),
    ],
)
def test_a_number_is_a_whole_word(line: str, read: list[str]) -> None:
    assert numbers(line) == read


@pytest.mark.parametrize("letter", "ABCDEFGIJLNOQRSTZ")
def test_a_letter_at_an_end_stays_a_letter(letter: str) -> None:
    assert numbers(f"{letter}123") == numbers(f"123{letter}") == ["123"]
    assert numbers(f"{letter}123", LETTERS) == numbers(f"{letter.lower()}123", LETTERS) == [f"{letter}123"]
    assert numbers(f"123{letter}", LETTERS) == [f"123{letter}"]


def test_letters_that_look_like_digits_are_edited_between_digits() -> None:
    assert numbers("29O6") == numbers("29O6", LETTERS) == ["2906"]
    assert numbers("2BOI6") == [], "most of the word are letters"
    assert numbers("29O6", BibRules(edits={})) == []
    assert numbers("BOSS") == []


def test_letters_count_only_where_the_rules_allow_them() -> None:
    before, after = BibRules(letters=Letters.BEFORE), BibRules(letters=Letters.AFTER)
    assert (numbers("A123", before), numbers("A123", after)) == (["A123"], ["123"])
    assert (numbers("123A", before), numbers("123A", after)) == (["123"], ["123A"])
    assert numbers("A-123", before) == numbers("A 123", before) == numbers("No. A123", before) == ["A123"]
    assert numbers("1 AA", LETTERS) == ["1AA"]
    assert numbers("10K", LETTERS) == ["10K"]
    assert numbers("10km", LETTERS) == []
    assert numbers("Ä123", before) == ["123"], "letters other than A to Z have no normal form"
    assert numbers("ABC123", before) == []


def test_a_number_stands_alone_where_its_line_has_no_other_text() -> None:
    alone = {"1234": True, "No. 1234": True, "123 / 45": True, "B123": True, "ANNA 123": False, "AB 1234": False}
    assert {line: read_numbers(line, USUAL)[0].stands_alone for line in alone} == alone


@given(st.text("0123456789OISBK AX-.:é#€", max_size=20), st.sampled_from(Letters))
def test_numbers_are_what_was_read_at_their_positions(line: str, letters: Letters) -> None:
    rules = BibRules(letters=letters)
    end = 0
    for read in read_numbers(line, rules):
        assert rules.allows(read.number)
        assert is_bib_number(read.number)
        assert len(read.positions) == len(read.number)
        assert list(read.positions) == sorted(read.positions)
        assert read.positions[0] >= end, "no character is in two numbers"
        end = read.positions[-1] + 1
        for position, character in zip(read.positions, read.number, strict=True):
            was = line[position]
            inside = read.positions[0] < position < read.positions[-1]
            assert was.upper() == character or (inside and rules.edits[was] == character)


@given(
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 99),
    st.sampled_from([*":.,/-'", "h", "x", ":0"]),
    st.sampled_from(["", "ZEIT ", "123 ", "Start: "]),
)
def test_joined_numbers_are_never_taken_apart(one: int, other: int, third: int, mark: str, text: str) -> None:
    assert numbers(f"{text}{one:02}{mark}{other:02}{mark}{third:02}") == (
        ["123"] if text == "123 " and mark in "hx" else []
    )


@given(st.from_regex(r"[A-Za-z]{1,2}[ -]?[0-9]{1,5}|[0-9]{1,5}[ -]?[A-Za-z]{0,2}", fullmatch=True))
def test_there_is_one_normal_form(written: str) -> None:
    normal = normal_number(written)
    assert is_bib_number(normal)
    assert normal_number(normal) == normal == normal_number(written.lower())
    assert digits_of(normal) == re.sub("[^0-9]", "", written)
