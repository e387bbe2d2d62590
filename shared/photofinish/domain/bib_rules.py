"""The bib rules of an album: digits, letters, first characters, common misreadings, the start list."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from photofinish.domain.bib_number import MAX_LETTERS, digits_of
from photofinish.domain.start_list import StartList

# Letters that text recognition confuses with digits.
LOOKALIKES: Mapping[str, str] = MappingProxyType(
    {"O": "0", "o": "0", "D": "0", "Q": "0", "I": "1", "l": "1", "|": "1", "Z": "2", "S": "5", "s": "5", "B": "8"}
)
_PREFIX = re.compile(rf"[A-Z]{{0,{MAX_LETTERS}}}[0-9]+|[A-Z]{{1,{MAX_LETTERS}}}")


class Letters(StrEnum):
    """Where the bibs of an album may have letters."""

    NONE = "none"
    BEFORE = "before"
    AFTER = "after"
    BOTH = "both"
    """Some bibs have them before their digits, others after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BibRules:
    """What counts as a bib number in one album."""

    min_digits: int = 2
    max_digits: int = 5
    letters: Letters = Letters.NONE
    """Where a letter beside the digits is a part of the number; elsewhere only the digits are the number."""
    prefixes: tuple[str, ...] = ()
    """A number must begin with one of these, with or without its letters; empty: any beginning."""
    edits: Mapping[str, str] = field(default_factory=lambda: LOOKALIKES)
    """Character as read → the digit it stands for, applied only between digits: `29O6` is 2906, `290O` has a letter."""
    start_list: StartList | None = None
    """If given, only its numbers are bibs; letters that they have are allowed, whatever `letters` says."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_digits <= self.max_digits:
            raise ValueError(f"1 <= min_digits <= max_digits is required, not {self.min_digits} and {self.max_digits}")
        wrong = [prefix for prefix in self.prefixes if not is_prefix(prefix)]
        if wrong:
            raise ValueError(f"a prefix has up to {MAX_LETTERS} capital letters, then digits, not {wrong[0]!r}")
        for read, digit in self.edits.items():
            if len(read) != 1 or not re.fullmatch("[0-9]", digit):
                raise ValueError(f"an edit replaces one character by one digit, not {read!r} by {digit!r}")

    @property
    def letters_before(self) -> bool:
        """Whether letters before the digits may be a part of the number."""
        listed = self.start_list is not None and self.start_list.has_letters_before
        return listed or self.letters in (Letters.BEFORE, Letters.BOTH)

    @property
    def letters_after(self) -> bool:
        """Whether letters after the digits may be a part of the number."""
        listed = self.start_list is not None and self.start_list.has_letters_after
        return listed or self.letters in (Letters.AFTER, Letters.BOTH)

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal characters that identify these rules; empty for the default rules.

        The result of an analysis depends on the rules, so this is part of its pipeline version.
        """
        if self == BibRules():
            return ""
        names = None if self.start_list is None else sorted(self.start_list.names)
        content = [self.min_digits, self.max_digits, sorted(self.prefixes), sorted(self.edits.items()), names]
        if self.letters is not Letters.NONE:
            content.append(self.letters)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]

    def allows(self, number: str) -> bool:
        """Whether a number has an allowed length and beginning. The start list is not consulted."""
        digits = digits_of(number)
        return self.min_digits <= len(digits) <= self.max_digits and (
            not self.prefixes or number.startswith(self.prefixes) or digits.startswith(self.prefixes)
        )


def is_prefix(text: str) -> bool:
    """Whether `text` can be the beginning of a bib number: digits, capital letters, or letters and then digits."""
    return _PREFIX.fullmatch(text) is not None
