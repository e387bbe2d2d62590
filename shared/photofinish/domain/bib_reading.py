"""Read the numbers in a line of text by an album's rules.

A number is a whole word: digits, with a letter or two before or after them. Nothing is cut out of a word with other
characters in it, so a time, a date, a price or a phone number never leaves a piece of itself as a bib.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.domain.bib_number import MAX_LETTERS
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.number_context import is_number_sign, other_numbers
from photofinish.domain.number_words import NumberWord, number_words


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNumber:
    """A number in a line."""

    number: str
    """In its normal form."""
    positions: tuple[int, ...]
    """Position in the line of each of its characters."""
    stands_alone: bool
    """Whether the line has nothing else but numbers and a sign such as `No.`."""


def read_numbers(line: str, rules: BibRules) -> list[ReadNumber]:
    """The numbers in `line` that `rules` allow, from left to right. The start list is not consulted."""
    words = number_words(line, rules.edits)
    others = other_numbers(words, letters_after=rules.letters_after)
    shown = [
        _characters(words, index, rules) for index, word in enumerate(words) if word.digits and index not in others
    ]
    positions = {position for characters in shown for position in characters}
    stands_alone = not others and all(_lets_stand_alone(word, positions) for word in words)
    return [
        ReadNumber(number=number, positions=tuple(characters), stands_alone=stands_alone)
        for characters in shown
        if rules.allows(number := "".join(characters.values()))
    ]


def _characters(words: Sequence[NumberWord], index: int, rules: BibRules) -> dict[int, str]:
    """Position in the line → character, of the number that a word shows, with the letters that `rules` allow."""
    word = words[index]
    digits = {word.digits_start + offset: digit for offset, digit in enumerate(word.digits)}
    before = "" if is_number_sign(word.before) else word.before
    if before or word.after:
        if rules.letters_before and before and before.isascii():
            return _letters(before, word.start) | digits
        if rules.letters_after and word.after and word.after.isascii():
            return digits | _letters(word.after, word.start + len(word.text) - len(word.after))
        return digits
    if rules.letters_before and index and _is_letters(words[index - 1]) and not word.before:
        return _letters(words[index - 1].text, words[index - 1].start) | digits
    if rules.letters_after and index + 1 < len(words) and _is_letters(words[index + 1]):
        return digits | _letters(words[index + 1].text, words[index + 1].start)
    return digits


def _letters(text: str, start: int) -> dict[int, str]:
    return {start + offset: letter.upper() for offset, letter in enumerate(text)}


def _is_letters(word: NumberWord) -> bool:
    """Whether a word can be the letters of the number beside it, as in `1 AA`."""
    text = word.text
    return (
        len(text) <= MAX_LETTERS and text.isascii() and text.isalpha() and text.isupper() and not is_number_sign(text)
    )


def _lets_stand_alone(word: NumberWord, positions: set[int]) -> bool:
    """Whether a word is no text beside the numbers: itself one with at most one letter, a sign, one character."""
    is_number = bool(word.digits) and (len(word.before + word.after) <= 1 or is_number_sign(word.before))
    return word.start in positions or is_number or is_number_sign(word.text) or len(word.text) == 1
