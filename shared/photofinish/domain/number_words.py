"""Words of a line of text, taken apart into digits and what stands directly before and after them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DIGITS = "0123456789"
# Around a word these mean nothing: brackets, quotes, dashes, the full stop of a sentence, specks that were read.
_MEANINGLESS = "()[]{}<>\"'`´“”„‘’‚«»‹›.,:;!?¡¿*•·#№|_~-–—/\\"
_PRICE_WITHOUT_CENTS = re.compile(r"[0-9][.,][-–—]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberWord:
    """One word of a line, without meaningless characters around it."""

    start: int
    """Position of `text` in the line."""
    text: str
    before: str = ""
    """What stands before the first digit, without a dash: letters, a sign, nothing."""
    digits: str = ""
    """The digits, misread letters between them replaced; empty if the word has none, or something else between them."""
    after: str = ""

    @property
    def has_digit(self) -> bool:
        return any(character in _DIGITS for character in self.text)

    @property
    def has_letter(self) -> bool:
        return any(character.isalpha() for character in self.text)

    @property
    def is_plain_number(self) -> bool:
        """Whether it is digits and nothing else."""
        return bool(self.digits) and not self.before and not self.after

    @property
    def digits_start(self) -> int:
        """Position of the first digit in the line."""
        return self.start + next(index for index, character in enumerate(self.text) if character in _DIGITS)


def number_words(line: str, edits: Mapping[str, str]) -> list[NumberWord]:
    """Take the words of `line` apart; words of meaningless characters only are left out.

    `edits` maps a letter that may be a misread digit to that digit. It is applied only between two digits, and only in
    words of which at least two thirds are digits.
    """
    return [_word(match, edits) for match in re.finditer(r"\S+", line) if match[0].strip(_MEANINGLESS)]


def _word(match: re.Match[str], edits: Mapping[str, str]) -> NumberWord:
    text = match[0].strip(_MEANINGLESS)
    start = match.start() + match[0].index(text)
    positions = [index for index, character in enumerate(text) if character in _DIGITS]
    if not positions or _PRICE_WITHOUT_CENTS.search(match[0]):
        return NumberWord(start=start, text=text)
    first, end = positions[0], positions[-1] + 1
    inner = text[first:end]
    if 3 * len(positions) >= 2 * len(text):
        inner = "".join(edits.get(character, character) for character in inner)
    if any(character not in _DIGITS for character in inner):
        return NumberWord(start=start, text=text)
    return NumberWord(
        start=start,
        text=text,
        before=text[:first].removesuffix("-"),
        digits=inner,
        after=text[end:].removeprefix("-"),
    )
