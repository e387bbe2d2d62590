"""Words of a text as searches compare them: lower case, without accents."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

INSIDE_A_WORD = 0.5
"""What a query word counts that was only found as a part of a longer word."""


def words(text: str) -> list[str]:
    """Split `text` into words of letters and digits, in lower case and without accents."""
    plain = unicodedata.normalize("NFKD", text)
    kept = (character if character.isalnum() else " " for character in plain if not unicodedata.combining(character))
    return "".join(kept).lower().split()


def searchable(text: str) -> str:
    """The words of `text` in one string, each with a space before and after it: see :func:`text_match`."""
    return f" {' '.join(words(text))} "


def text_match(query_words: Sequence[str], searchable_text: str) -> float:
    """How well a text matches the query's words, 0 to 1: their mean; 1 for a whole word, 0 for a missing one."""

    def match(word: str) -> float:
        if f" {word} " in searchable_text:
            return 1.0
        return INSIDE_A_WORD if word in searchable_text else 0.0

    return sum(map(match, query_words)) / len(query_words)
