"""An event's start list: which numbers exist, and which of them a reading could be."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from photofinish.errors import RejectedInput

# Probability of one misreading, relative to a correct reading: chosen, not fitted to data. A missing or extra digit is
# as rare as a wrong one, except where something hides a part of the number.
CONFUSION = 1e-3
MISSING_DIGIT = 1e-3
MISSING_DIGIT_OF_PARTIAL = 0.2
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


@dataclass(frozen=True, slots=True)
class StartList:
    """The numbers of an event and the people who wear them."""

    names: Mapping[str, str] = field(repr=False)
    """Number → name; the name may be empty."""

    def __post_init__(self) -> None:
        wrong = [number for number in self.names if not (number.isascii() and number.isdigit())]
        if wrong:
            raise ValueError(f"a number of a start list consists of the digits 0 to 9, not {wrong[0]!r}")
        object.__setattr__(self, "names", MappingProxyType(dict(self.names)))

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
        for position, row in enumerate(row for row in rows if any(cell.strip() for cell in row)):
            number = row[0].strip()
            if position == 0 and not any(character.isdigit() for character in number):
                continue
            if not (number.isascii() and number.isdigit()):
                raise RejectedInput(
                    "bad_start_list",
                    f"Line {rows.line_num} of the start list does not begin with a number: {number!r}.",
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

        `digit_probabilities` has, for every digit of the reading, the probability of each of 0 to 9. All listed
        numbers are equally likely a priori; the probabilities of all of them and of "none of them" add up to one, and
        those below `MIN_PROBABILITY` are left out. A `partial` reading may lack digits at its ends.
        """
        weights = {
            similar: weight
            for similar in self._similar(number, partial=partial)
            if (weight := _likelihood(similar, number, digit_probabilities, partial=partial)) > 0
        }
        as_read = _likelihood(number, number, digit_probabilities, partial=partial)
        total = sum(weights.values()) + UNLISTED * as_read
        found = [BibCandidate(number=similar, probability=weight / total) for similar, weight in weights.items()]
        found.sort(key=lambda candidate: (-candidate.probability, candidate.number))
        return tuple(candidate for candidate in found if candidate.probability >= MIN_PROBABILITY)

    def _similar(self, number: str, *, partial: bool) -> set[str]:
        """Listed numbers with up to two other digits or one more or less; also any that contain a partial one."""
        found = {edited for edited in _one_edit(number) if edited in self.names}
        found |= {
            listed
            for listed in self.names
            if (len(listed) == len(number) and sum(a != b for a, b in zip(listed, number, strict=True)) <= 2)
            or (partial and len(listed) > len(number) and number in listed)
        }
        return found


def _one_edit(number: str) -> set[str]:
    """`number`, and every number with one digit more or less."""
    cuts = range(len(number) + 1)
    longer = {number[:cut] + digit + number[cut:] for cut in cuts for digit in _DIGITS}
    shorter = {number[:cut] + number[cut + 1 :] for cut in range(len(number))}
    return {number} | longer | shorter


def _likelihood(worn: str, read: str, digit_probabilities: Sequence[Sequence[float]], *, partial: bool) -> float:
    """How likely `worn` is read as `read`, by the best alignment with all missing digits in one gap."""
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
