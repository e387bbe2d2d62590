"""How well a description's words fit what was read in photos: words, numbers, and words read or typed a letter wrong.

A word counts the more, the fewer of the photos have it; a photo's value is the matched share of all that counts.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MIN_SPELLED_CHARS = 4
"""Shorter words would be spelled like too many others."""
MAX_SPELLED_CHARS = 20
MISSPELLED = 0.6
"""What a word counts that differs by a letter."""


class MatchedBy(StrEnum):
    """Why a word fits."""

    WORD = "word"
    NUMBER = "number"
    """A number that was read, or set by a user, and counted with its score."""
    SPELLING = "spelling"
    """It differs by a letter: one more, one less, another one, or two swapped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedWord:
    """A word of a description that fits a photo."""

    word: str
    read: str
    """As it is in the photo."""
    by: MatchedBy
    value: float
    """0 to 1."""


@functools.lru_cache(maxsize=8192)
def spellings(word: str) -> frozenset[str]:
    """The word, and each form of it with one letter left out: words that differ by a letter share one.

    The database indexes the same (`spellings` in migration 0041). Only words of letters have such forms: a number that
    differs by a digit is another one.
    """
    if not MIN_SPELLED_CHARS <= len(word) <= MAX_SPELLED_CHARS or any(character.isdigit() for character in word):
        return frozenset([word])
    return frozenset([word, *(word[:at] + word[at + 1 :] for at in range(len(word)))])


def is_number(word: str) -> bool:
    """Whether the word may be a bib number: it has a digit."""
    return any(character.isdigit() for character in word)


def match_words(wanted: Sequence[str], read: Collection[str], numbers: Mapping[str, float]) -> dict[str, MatchedWord]:
    """Of each wanted word the best match in one photo, by word; `numbers` has the score of each number in it."""
    found: dict[str, MatchedWord] = {}
    if not read and not numbers:
        return found
    by_spelling: dict[str, str] | None = None  # of the read words, made for the first wanted one that was not read
    for word in wanted:
        if word in read:
            found[word] = MatchedWord(word=word, read=word, by=MatchedBy.WORD, value=1.0)
        elif word in numbers:
            found[word] = MatchedWord(word=word, read=word, by=MatchedBy.NUMBER, value=numbers[word])
        elif len(forms := spellings(word)) > 1:
            if by_spelling is None:
                by_spelling = {form: one for one in sorted(read) for form in spellings(one)}
            spelled = sorted(by_spelling[form] for form in forms if form in by_spelling)
            if spelled:
                found[word] = MatchedWord(word=word, read=spelled[0], by=MatchedBy.SPELLING, value=MISSPELLED)
    return found


def word_values(wanted: Sequence[str], matches: Mapping[str, Mapping[str, MatchedWord]]) -> dict[str, float]:
    """The value, 0 to 1, of each photo, from what :func:`match_words` found in it."""
    photos_with = Counter(word for found in matches.values() for word in found)
    weight = {word: math.log1p(len(matches) / max(photos_with[word], 0.5)) for word in wanted}
    total = math.fsum(weight.values())
    return {
        photo_id: math.fsum(weight[word] * match.value for word, match in found.items()) / total if total else 0.0
        for photo_id, found in matches.items()
    }
