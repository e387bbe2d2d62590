"""The bib rules of an album: how many digits, which first digits, common misreadings, the start list."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from photofinish.domain.start_list import StartList

# Letters that text recognition confuses with digits.
LOOKALIKES: Mapping[str, str] = MappingProxyType(
    {"O": "0", "o": "0", "D": "0", "Q": "0", "I": "1", "l": "1", "|": "1", "Z": "2", "S": "5", "s": "5", "B": "8"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BibRules:
    """What counts as a bib number in one album."""

    min_digits: int = 2
    max_digits: int = 5
    prefixes: tuple[str, ...] = ()
    """A number must begin with one of these; empty: any beginning."""
    edits: Mapping[str, str] = field(default_factory=lambda: LOOKALIKES)
    """Character as read → the digit it stands for, applied only next to digits: `29O6` is 2906, `SO` is a word."""
    start_list: StartList | None = None
    """If given, only its numbers are bibs."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_digits <= self.max_digits:
            raise ValueError(f"1 <= min_digits <= max_digits is required, not {self.min_digits} and {self.max_digits}")
        wrong = [prefix for prefix in self.prefixes if not re.fullmatch("[0-9]+", prefix)]
        if wrong:
            raise ValueError(f"a prefix consists of the digits 0 to 9, not {wrong[0]!r}")
        for read, digit in self.edits.items():
            if len(read) != 1 or not re.fullmatch("[0-9]", digit):
                raise ValueError(f"an edit replaces one character by one digit, not {read!r} by {digit!r}")

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal characters that identify these rules; empty for the default rules.

        The result of an analysis depends on the rules, so this is part of its pipeline version.
        """
        if self == BibRules():
            return ""
        names = None if self.start_list is None else sorted(self.start_list.names)
        content = [self.min_digits, self.max_digits, sorted(self.prefixes), sorted(self.edits.items()), names]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]

    def allows(self, number: str) -> bool:
        """Whether a number has an allowed length and beginning. The start list is not consulted."""
        return self.min_digits <= len(number) <= self.max_digits and (
            not self.prefixes or number.startswith(self.prefixes)
        )

    def runs(self, text: str) -> list[tuple[int, str]]:
        """The runs of digits in a line, of any length, after edits: start position and digits of each.

        Edits apply only in words of which at least two thirds are digits.
        """
        found = []
        for word in re.finditer(r"\S+", text):
            digits = sum(character in "0123456789" for character in word[0])
            edited = "".join(self.edits.get(character, character) for character in word[0])
            chosen = edited if digits * 3 >= len(word[0]) * 2 else word[0]
            found += [(word.start() + run.start(), run[0]) for run in re.finditer("[0-9]+", chosen)]
        return found
