"""Cursors between the pages of a search; nothing of the query can be read from them."""

from __future__ import annotations

import math
from typing import NamedTuple

from photofinish.application import cursors
from photofinish.domain.search import SearchQuery


class Position(NamedTuple):
    """A photo's place in the order of an answer."""

    score: float
    photo_id: str

    def follows(self, other: Position) -> bool:
        """Whether it comes after `other`: photos are ordered by descending score, ties by photo id."""
        return (-self.score, self.photo_id) > (-other.score, other.photo_id)


def encode_cursor(query: SearchQuery, last: Position) -> str:
    """The cursor after a page of `query` that ends at `last`."""
    return cursors.encode_cursor(_criteria(query), list(last))


def decode_cursor(query: SearchQuery) -> Position | None:
    """Where the previous page of `query` ended; None for the first page.

    Raises:
        InvalidQuery: the query's cursor is malformed, or was made for another query.
    """
    if query.cursor is None:
        return None
    match cursors.decode_cursor(_criteria(query), query.cursor):
        case [float(score), str(photo_id)] if math.isfinite(score):
            return Position(score, photo_id)
        case _:
            raise cursors.malformed()


def _criteria(query: SearchQuery) -> tuple[object, ...]:
    """What distinguishes queries. Leaves embeddings out: the same selfie may embed slightly differently."""
    return (
        query.album,
        len(query.embeddings),
        query.bib,
        query.name,
        None if query.about is None else (query.about.text, query.about.with_names, query.about.place is None),
        query.must_match_all,
        query.where,
        query.min_similarity,
        query.weights,
        query.fusion,
        query.collapse_bursts,
    )
