"""Cursors between the pages of a search: opaque to callers, printable, and without anything of the query in them."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from typing import Any, NamedTuple

from photofinish.domain.search import SearchQuery
from photofinish.errors import InvalidQuery

_VERSION = 1


class Position(NamedTuple):
    """A photo's place in the order of an answer."""

    score: float
    photo_id: str

    def follows(self, other: Position) -> bool:
        """Whether it comes after `other`: photos are ordered by descending score, ties by photo id."""
        return (-self.score, self.photo_id) > (-other.score, other.photo_id)


def encode_cursor(query: SearchQuery, last: Position) -> str:
    """The cursor after a page of `query` that ends at `last`."""
    content = [_VERSION, _fingerprint(query), last.score, last.photo_id]
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def decode_cursor(query: SearchQuery) -> Position | None:
    """Where the previous page of `query` ended; None for the first page.

    Raises:
        InvalidQuery: the query's cursor is malformed, or was made for another query.
    """
    if query.cursor is None:
        return None
    match _content(query.cursor):
        case [int(version), str(fingerprint), float(score), str(photo_id)] if math.isfinite(score):
            if (version, fingerprint) != (_VERSION, _fingerprint(query)):
                raise InvalidQuery("The cursor belongs to another query: repeat the query of the previous page.")
            return Position(score, photo_id)
        case _:
            raise _malformed()


def _content(cursor: str) -> Any:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):  # neither Base64 nor JSON nor UTF-8, or nested too deeply
        raise _malformed() from None


def _malformed() -> InvalidQuery:
    return InvalidQuery("The cursor cannot be read: send the `next_cursor` of the previous page unchanged.")


def _fingerprint(query: SearchQuery) -> str:
    """Distinguishes queries. Leaves embeddings out: the same selfie may embed slightly differently."""
    criteria = (
        query.album,
        len(query.embeddings),
        query.bib,
        query.name,
        query.where,
        query.min_similarity,
        query.weights,
    )
    return hashlib.sha256(repr(criteria).encode("utf-8", "surrogatepass")).hexdigest()[:16]
