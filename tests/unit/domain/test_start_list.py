"""Start lists: parsing CSV, and finding the numbers that a reading could be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.bib_number import digits_of
from photofinish.domain.start_list import MISSING_DIGIT_OF_PARTIAL, UNLISTED, StartList
from photofinish.errors import RejectedInput

CERTAIN = 0.999


def seen(*digits: dict[str, float]) -> list[list[float]]:
    """The reader's digit probabilities; each position is given by its likely digits."""
    return [[position.get(digit, 0.0) for digit in "0123456789"] for position in digits]


def clearly(number: str) -> list[list[float]]:
    return seen(*({digit: CERTAIN} for digit in number))


def numbers(*listed: str) -> StartList:
    return StartList(dict.fromkeys(listed, ""))


def found(start_list: StartList, read: str, probabilities: list[list[float]], **options: bool) -> dict[str, float]:
    return {entry.number: entry.probability for entry in start_list.candidates(read, probabilities, **options)}


def test_a_listed_number_read_clearly_is_certain() -> None:
    assert found(numbers("2906", "2908", "17"), "2906", clearly("2906"))["2906"] > 0.95
    assert "2908" not in found(numbers("2906", "2908"), "2906", clearly("2906"))


def test_both_numbers_are_candidates_if_the_picture_does_not_decide() -> None:
    last_unclear = seen({"2": 0.99}, {"9": 0.99}, {"0": 0.99}, {"6": 0.5, "8": 0.48})
    both = found(numbers("2906", "2908", "2907"), "2906", last_unclear)
    assert list(both) == ["2906", "2908"]
    assert both["2906"] == pytest.approx(0.5 / (0.98 + UNLISTED * 0.5 + 1e-3), abs=0.01)
    assert both["2908"] == pytest.approx(0.48 / (0.98 + UNLISTED * 0.5 + 1e-3), abs=0.01)


def test_an_unclear_reading_becomes_the_listed_number() -> None:
    unclear = seen({"9": 0.6, "2": 0.38}, {"4": 0.99}, {"7": 0.99}, {"5": 0.99})
    assert found(numbers("2475", "1111"), "9475", unclear)["2475"] > 0.9


def test_a_clear_reading_that_is_not_listed_has_no_candidates() -> None:
    assert found(numbers("2906", "2918"), "2908", clearly("2908")) == {}


def test_a_partial_reading_is_completed_if_only_one_number_fits() -> None:
    assert found(numbers("1251", "3394"), "125", clearly("125"), partial=True)["1251"] > 0.85
    assert found(numbers("1251", "3394"), "125", clearly("125")) == {}
    several = found(numbers("1251", "1252", "1253"), "125", clearly("125"), partial=True)
    assert set(several) == {"1251", "1252", "1253"}
    assert max(several.values()) < 0.35


def test_every_missing_digit_costs() -> None:
    """Of two numbers that contain a partial reading, the one that lacks two digits is so much less likely."""
    one_or_two = numbers("1251", "99125")
    probable = {entry.number: entry.probability for entry in one_or_two.candidates("125", clearly("125"), partial=True)}
    assert probable["1251"] / probable["99125"] == pytest.approx(1 / MISSING_DIGIT_OF_PARTIAL)


digits = st.sampled_from("0123456789")
some_numbers = st.text(digits, min_size=2, max_size=5)
some_lists = st.lists(some_numbers, min_size=1, max_size=30, unique=True).map(lambda listed: numbers(*listed))


@given(start_list=some_lists, read=some_numbers, partial=st.booleans(), data=st.data())
def test_candidates_are_listed_and_their_probabilities_add_up_to_at_most_one(
    start_list: StartList, read: str, partial: bool, data: st.DataObject
) -> None:
    probabilities = [data.draw(st.lists(st.floats(0, 1), min_size=10, max_size=10)) for _ in read]
    candidates = start_list.candidates(read, probabilities, partial=partial)
    assert sum(candidate.probability for candidate in candidates) <= 1 + 1e-9
    assert all(candidate.number in start_list for candidate in candidates)
    order = [-candidate.probability for candidate in candidates]
    assert order == sorted(order)


@given(start_list=some_lists, data=st.data())
def test_a_clear_reading_of_a_listed_number_is_confirmed(start_list: StartList, data: st.DataObject) -> None:
    number = data.draw(st.sampled_from(sorted(start_list.names)))
    best = start_list.candidates(number, clearly(number))[0]
    assert best.number == number
    assert best.probability > 0.85


def test_csv_with_and_without_heading_commas_or_semicolons() -> None:
    expected = {"17": "Ada Lovelace", "2906": "Turing, Alan", "3": ""}
    with_heading = 'Number,Name,Club\n17,Ada Lovelace,X\n\n2906,"Turing, Alan"\n3\n'
    assert StartList.from_csv(with_heading).names == expected
    assert StartList.from_csv("\ufeff17;Ada Lovelace\r\n 2906 ;Turing, Alan\r\n3;\r\n").names == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "contains no numbers"),
        ("number,name\n", "contains no numbers"),
        ("17,Ada\nA12B,Bob\n", "Line 2.*A12B"),
        ("A17,Ada\na-17,Bob\n", "number A17 twice"),
        ("17,Ada\n17,Bob\n", "number 17 twice"),
        ("17,Ada\n,Bob\n", "Line 2 .*does not begin with a bib number"),
        ("١٧,Ada\n", "Line 1 "),
    ],
)
def test_an_invalid_list_is_refused(text: str, message: str) -> None:
    with pytest.raises(RejectedInput, match=message) as refused:
        StartList.from_csv(text)
    assert refused.value.code == "bad_start_list"


@given(names=st.dictionaries(some_numbers, st.text("abc ,;\"'é", max_size=8).map(str.strip), min_size=1, max_size=10))
def test_csv_round_trip(names: dict[str, str]) -> None:
    rows = "".join(f'{number},"{name.replace(chr(34), chr(34) * 2)}"\n' for number, name in names.items())
    assert StartList.from_csv("number,name\n" + rows).names == names


@pytest.mark.parametrize("wrong", ["A", "ABC1", "a1", "1-2", ""])
def test_a_number_has_digits_and_capital_letters(wrong: str) -> None:
    with pytest.raises(ValueError, match=f"'{wrong}'"):
        StartList({wrong: ""})


def test_csv_with_letters_is_read_in_the_normal_form() -> None:
    assert set(StartList.from_csv("Nr,Name\na-123,Ada\n1 AA,Bob\n").names) == {"A123", "1AA"}


def test_a_listed_letter_that_was_not_read_is_completed_if_only_one_number_fits() -> None:
    assert found(numbers("A123", "B124"), "123", clearly("123"))["A123"] > 0.85
    both = found(numbers("A123", "B123"), "123", clearly("123"))
    assert both == {"A123": pytest.approx(both["B123"]), "B123": pytest.approx(0.5, abs=0.05)}
    assert found(numbers("123", "A123"), "123", clearly("123"))["123"] > 0.8


def test_a_letter_that_was_read_decides() -> None:
    read = [[0.001] * 10, *clearly("123")]
    assert found(numbers("A123", "B123", "8123"), "B123", read)["B123"] > 0.9
    assert found(numbers("A123"), "B123", read) == {}, "another letter is another number"


listed_numbers = st.from_regex(r"[A-B]?[0-4]{1,4}|[0-4]{1,4}[A-B]", fullmatch=True)


@given(listed=st.sets(listed_numbers, min_size=1, max_size=30), read=listed_numbers, partial=st.booleans())
def test_every_similar_number_is_compared(listed: set[str], read: str, partial: bool) -> None:
    """The definition of similar, number by number; the list looks them up in less time."""

    def is_similar(number: str) -> bool:
        longer, shorter = sorted((number, read), key=len, reverse=True)
        cuts = range(len(longer))
        return (
            number == read
            or (len(number) == len(read) and sum(a != b for a, b in zip(number, read, strict=True)) <= 2)
            or any(
                longer[:cut] + longer[cut + 1 :] == shorter and (longer is read or longer[cut].isdigit())
                for cut in cuts
                if len(longer) == len(shorter) + 1
            )
            or (partial and len(number) > len(read) and read in number)
            or (not number.isdigit() and digits_of(number) == digits_of(read))
        )

    assert numbers(*listed)._similar(read, partial=partial) == set(filter(is_similar, listed))
