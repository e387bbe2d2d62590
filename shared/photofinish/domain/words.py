"""Words of a text as searches compare them: lower case, without accents."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

MIN_NAME_WORD = 3
"""Letters of a word that is enough of a name; see :func:`name_match`."""
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


def name_match(query_words: Sequence[str], name: str) -> bool:
    """Whether the query's words are words of `name`, and enough of it to know whom one looks for.

    That is a word of three letters or more, or the whole name ("Bo Li"). With less, a search would list a crowd.
    """
    query, known = set(query_words), set(words(name))
    return query <= known and (query == known or any(len(word) >= MIN_NAME_WORD for word in query))


def text_match(query_words: Sequence[str], searchable_text: str) -> float:
    """How well a text matches the query's words, 0 to 1: their mean; 1 for a whole word, 0 for a missing one."""

    def match(word: str) -> float:
        if f" {word} " in searchable_text:
            return 1.0
        return INSIDE_A_WORD if word in searchable_text else 0.0

    return sum(map(match, query_words)) / len(query_words)
