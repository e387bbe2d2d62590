"""An event's start list: which numbers exist, and which of them a read could be."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from photofinish.errors import RejectedInput

# What one misread costs, as a share of a right read: chosen, not fitted to data. A digit more or less than was read is
# as rare as a wrong one, except where something hides a part of the number.
CONFUSION = 1e-3
MISSING_DIGIT = 1e-3
MISSING_DIGIT_OF_PARTIAL = 0.2
# How often a number that can be read well is on no start list (last year's shirt, a sponsor, a late entry); chosen too.
UNLISTED = 0.02
# Less likely numbers are not worth a look.
MIN_PROBABILITY = 0.1
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class BibCandidate:
    """A number that a read could be, and how probable that is, 0 to 1."""

    number: str
    probability: float


@dataclass(frozen=True, slots=True)
class StartList:
    """The numbers of an event and who wears them."""

    names: Mapping[str, str] = field(repr=False)
    """Number to name; the name may be empty."""

    def __post_init__(self) -> None:
        wrong = [number for number in self.names if not (number.isascii() and number.isdigit())]
        if wrong:
            raise ValueError(f"numbers of a start list are made of the digits 0 to 9, not {wrong[0]!r}")
        object.__setattr__(self, "names", MappingProxyType(dict(self.names)))

    @classmethod
    def from_csv(cls, text: str) -> StartList:
        """A start list out of comma- or semicolon-separated values: number, name, and columns that are not used.

        A first row whose number has no digit is a heading. Empty rows are skipped.

        Raises:
            RejectedInput: a row's first column is no number, a number comes twice, or there is none.
        """
        text = text.removeprefix("\ufeff")
        first_line = text.lstrip().partition("\n")[0]
        delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
        names: dict[str, str] = {}
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for position, row in enumerate(row for row in rows if any(cell.strip() for cell in row)):
            number = row[0].strip()
            if position == 0 and not any(character.isdigit() for character in number):
                continue
            if not (number.isascii() and number.isdigit()):
                raise RejectedInput(
                    "bad_start_list", f"Line {rows.line_num} of the start list has no number: {number!r}."
                )
            if number in names:
                raise RejectedInput("bad_start_list", f"Number {number} is twice in the start list.")
            names[number] = row[1].strip() if len(row) > 1 else ""
        if not names:
            raise RejectedInput("bad_start_list", "The start list has no number in it.")
        return cls(names)

    def __contains__(self, number: str) -> bool:
        return number in self.names

    def candidates(
        self, number: str, digit_probabilities: Sequence[Sequence[float]], *, partial: bool = False
    ) -> tuple[BibCandidate, ...]:
        """The listed numbers that a picture read as `number` could show, most probable first.

        `digit_probabilities` holds for every digit read the probability of each of 0 to 9. Every listed number is
        equally likely beforehand; the probabilities of all listed numbers and of "none of them" add up to one, and
        those under `MIN_PROBABILITY` are left out. A `partial` read may lack digits at its ends.
        """
        weights = {
            near: weight
            for near in self._near(number, partial=partial)
            if (weight := _likelihood(near, number, digit_probabilities, partial=partial)) > 0
        }
        as_read = _likelihood(number, number, digit_probabilities, partial=partial)
        total = sum(weights.values()) + UNLISTED * as_read
        found = [BibCandidate(number=near, probability=weight / total) for near, weight in weights.items()]
        found.sort(key=lambda candidate: (-candidate.probability, candidate.number))
        return tuple(candidate for candidate in found if candidate.probability >= MIN_PROBABILITY)

    def _near(self, number: str, *, partial: bool) -> set[str]:
        """Listed numbers of the same length with at most two other digits, or with one digit more or less."""
        found = {near for near in _one_edit(number) if near in self.names}
        found |= {
            near
            for near in self.names
            if (len(near) == len(number) and sum(a != b for a, b in zip(near, number, strict=True)) <= 2)
            or (partial and len(near) > len(number) and number in near)
        }
        return found


def _one_edit(number: str) -> set[str]:
    """`number`, and what it becomes by one digit more or less."""
    cuts = range(len(number) + 1)
    longer = {number[:cut] + digit + number[cut:] for cut in cuts for digit in _DIGITS}
    shorter = {number[:cut] + number[cut + 1 :] for cut in range(len(number))}
    return {number} | longer | shorter


def _likelihood(worn: str, read: str, digit_probabilities: Sequence[Sequence[float]], *, partial: bool) -> float:
    """How likely it is that `worn` is read as it was; the best alignment with all missing digits in one place."""
    certainty = [[max(float(p), CONFUSION) for p in probabilities] for probabilities in digit_probabilities]
    if len(worn) == len(read):
        return math.prod(certainty[position][int(digit)] for position, digit in enumerate(worn))
    if len(worn) == len(read) - 1:
        return MISSING_DIGIT * max(
            math.prod(certainty[position + (position >= extra)][int(digit)] for position, digit in enumerate(worn))
            for extra in range(len(read))
        )
    if len(worn) < len(read):
        return 0.0
    missing = len(worn) - len(read)
    at_the_end = MISSING_DIGIT_OF_PARTIAL if partial else MISSING_DIGIT
    best = 0.0
    for gap in range(len(read) + 1):
        kept = worn[:gap] + worn[gap + missing :]
        cost = at_the_end if gap in (0, len(read)) else MISSING_DIGIT
        fit = math.prod(certainty[position][int(digit)] for position, digit in enumerate(kept))
        best = max(best, cost**missing * fit)
    return best
