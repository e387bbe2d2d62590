"""An event's start list: which numbers exist, and which of them a reading could be."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.bib_number import digits_of, is_bib_number, normal_number
from photofinish.errors import RejectedInput

if TYPE_CHECKING:
    from _csv import Reader

# Probability of one misreading, relative to a correct reading: chosen, not fitted to data. A missing or extra digit is
# as rare as a wrong one, except where something hides a part of the number.
CONFUSION = 1e-3
MISSING_DIGIT = 1e-3
MISSING_DIGIT_OF_PARTIAL = 0.2
# Letters are often smaller than the digits or set apart, so that they are not read with them.
MISSING_LETTER = 0.2
# How often a clearly readable number is not on the list (last year's shirt, a sponsor, a late entry); also chosen.
UNLISTED = 0.02
# Less probable candidates are dropped.
MIN_PROBABILITY = 0.1
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class BibCandidate:
    """A number that a reading could be, and how probable that is, 0 to 1."""

    number: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class _SameLength:
    """Numbers of one length. Comparing a reading with them takes a hundredth of the time that a loop needs."""

    numbers: Sequence[str]
    characters: NDArray[np.uint8]
    """(N, length), ASCII."""

    @classmethod
    def of(cls, numbers: Sequence[str]) -> _SameLength:
        return cls(numbers, np.frombuffer("".join(numbers).encode("ascii"), np.uint8).reshape(len(numbers), -1))

    def within(self, number: str, *, differences: int) -> Iterator[str]:
        """The numbers that differ from `number`, of the same length, in so many characters at most."""
        read = np.frombuffer(number.encode("ascii", "replace"), np.uint8)
        differing = np.count_nonzero(self.characters != read, axis=1)
        return (self.numbers[row] for row in np.flatnonzero(differing <= differences).tolist())


@dataclass(frozen=True, slots=True)
class StartList:
    """The numbers of an event and the people who wear them."""

    names: Mapping[str, str] = field(repr=False)
    """Number in its normal form → name; the name may be empty."""
    has_letters_before: bool = field(init=False, repr=False, compare=False)
    """Whether some number has letters before its digits."""
    has_letters_after: bool = field(init=False, repr=False, compare=False)
    _by_length: Mapping[int, _SameLength] = field(init=False, repr=False, compare=False)
    _lettered: Mapping[str, Sequence[str]] = field(init=False, repr=False, compare=False)
    """Digits → the numbers with these digits and letters."""

    def __post_init__(self) -> None:
        wrong = [number for number in self.names if not is_bib_number(number)]
        if wrong:
            raise ValueError(f"a number of a start list is digits, perhaps with capital letters, not {wrong[0]!r}")
        object.__setattr__(self, "names", MappingProxyType(dict(self.names)))
        object.__setattr__(self, "has_letters_before", any(number[0].isalpha() for number in self.names))
        object.__setattr__(self, "has_letters_after", any(number[-1].isalpha() for number in self.names))
        by_length: dict[int, list[str]] = defaultdict(list)
        lettered: dict[str, list[str]] = defaultdict(list)
        for number in self.names:
            by_length[len(number)].append(number)
            if not number.isdigit():
                lettered[digits_of(number)].append(number)
        object.__setattr__(self, "_by_length", {length: _SameLength.of(found) for length, found in by_length.items()})
        object.__setattr__(self, "_lettered", dict(lettered))

    @classmethod
    def from_csv(cls, text: str) -> StartList:
        """Parse comma- or semicolon-separated rows: number, name, and further columns, which are ignored.

        A first row whose number has no digit is a heading. Empty rows are skipped.

        Raises:
            RejectedInput: `bad_start_list`: a row without a number, a number listed twice, or no numbers at all.
        """
        text = text.removeprefix("\ufeff")
        first_line = text.lstrip().partition("\n")[0]
        delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
        names: dict[str, str] = {}
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for position, row in enumerate(row for row in _rows(rows) if any(cell.strip() for cell in row)):
            number = normal_number(row[0])
            if position == 0 and not any(character.isdigit() for character in number):
                continue
            if not is_bib_number(number):
                raise RejectedInput(
                    "bad_start_list",
                    f"Line {rows.line_num} of the start list does not begin with a bib number: {row[0].strip()!r}. "
                    "A bib number has digits, perhaps with one or two letters before or after them.",
                )
            if number in names:
                raise RejectedInput("bad_start_list", f"The start list contains number {number} twice.")
            names[number] = row[1].strip() if len(row) > 1 else ""
        if not names:
            raise RejectedInput("bad_start_list", "The start list contains no numbers.")
        return cls(names)

    def __contains__(self, number: str) -> bool:
        return number in self.names

    def candidates(
        self, number: str, digit_probabilities: Sequence[Sequence[float]], *, partial: bool = False
    ) -> tuple[BibCandidate, ...]:
        """The listed numbers that a picture read as `number` could show, most probable first.

        `digit_probabilities` has, for every character of the reading, the probability of each of 0 to 9. All listed
        numbers are equally likely a priori; the probabilities of all of them and of "none of them" add up to one, and
        those below `MIN_PROBABILITY` are left out. A `partial` reading may lack digits at its ends.
        """
        certainties = [_certainty(read, p) for read, p in zip(number, digit_probabilities, strict=True)]
        weights = {
            similar: weight
            for similar in self._similar(number, partial=partial)
            if (weight := _likelihood(similar, certainties, partial=partial)) > 0
        }
        as_read = _likelihood(number, certainties, partial=partial)
        total = sum(weights.values()) + UNLISTED * as_read
        found = [BibCandidate(number=similar, probability=weight / total) for similar, weight in weights.items()]
        found.sort(key=lambda candidate: (-candidate.probability, candidate.number))
        return tuple(candidate for candidate in found if candidate.probability >= MIN_PROBABILITY)

    def _similar(self, number: str, *, partial: bool) -> set[str]:
        """Listed numbers with up to two other characters, one digit more or less, or other letters.

        Also any that contain a partial one.
        """
        found = {edited for edited in _one_edit(number) if edited in self.names}
        found |= set(self._lettered.get(digits_of(number), ()))
        if len(number) in self._by_length:
            found |= set(self._by_length[len(number)].within(number, differences=2))
        if partial:
            longer = (same.numbers for length, same in self._by_length.items() if length > len(number))
            found |= {listed for numbers in longer for listed in numbers if number in listed}
        return found


def _one_edit(number: str) -> set[str]:
    """`number`, and every number with one digit more or less."""
    cuts = range(len(number) + 1)
    longer = {number[:cut] + digit + number[cut:] for cut in cuts for digit in _DIGITS}
    shorter = {number[:cut] + number[cut + 1 :] for cut in range(len(number))}
    return {number} | longer | shorter


def _certainty(read: str, digit_probabilities: Sequence[float]) -> Mapping[str, float]:
    """How probable each character is where `read` was read; characters that are not in it have `CONFUSION`."""
    found = {digit: float(probability) for digit, probability in zip(_DIGITS, digit_probabilities, strict=True)}
    if read not in found:
        found[read] = 1 - sum(found.values())
    return {character: max(probability, CONFUSION) for character, probability in found.items()}


def _likelihood(worn: str, certainties: Sequence[Mapping[str, float]], *, partial: bool) -> float:
    """How likely `worn` is read with these certainties, by the best alignment with all missing ones in one gap."""

    def fit(kept: str, start: int = 0) -> float:
        return math.prod(certainties[start + at].get(character, CONFUSION) for at, character in enumerate(kept))

    missing = len(worn) - len(certainties)
    if missing == 0:
        return fit(worn)
    if missing == -1:
        return MISSING_DIGIT * max(
            fit(worn[:extra]) * fit(worn[extra:], extra + 1) for extra in range(len(certainties))
        )
    if missing < 0:
        return 0.0
    best = 0.0
    for gap in range(len(certainties) + 1):
        lost = worn[gap : gap + missing]
        at_the_end = gap in (0, len(certainties))
        cost = math.prod(_cost_of_missing(character, partial and at_the_end) for character in lost)
        best = max(best, cost * fit(worn[:gap]) * fit(worn[gap + missing :], gap))
    return best


def _cost_of_missing(character: str, cut_off: bool) -> float:
    if character not in _DIGITS:
        return MISSING_LETTER
    return MISSING_DIGIT_OF_PARTIAL if cut_off else MISSING_DIGIT


def _rows(reader: Reader) -> Iterator[list[str]]:
    """Raises RejectedInput: `bad_start_list`."""
    try:
        yield from reader
    except csv.Error as error:
        raise RejectedInput(
            "bad_start_list", f"Line {reader.line_num} of the start list cannot be read: {error}."
        ) from None
