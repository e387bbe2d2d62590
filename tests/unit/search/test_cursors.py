"""The cursor between the pages of a search."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.application.search.cursors import Position, decode_cursor, encode_cursor
from photofinish.domain.search import Description, Fusion, PhotoFilter, SearchQuery, Weights
from photofinish.errors import InvalidQuery
from support.faces import embedding, photo

BY_BIB = SearchQuery(album="race", bib="42")


LAST = Position(0.5, photo("race/1.jpg").photo_id)


@given(st.floats(0, 1), st.text(max_size=20))
def test_returns_to_where_the_page_ended(score: float, name: str) -> None:
    last = Position(score, photo(f"race/{name}").photo_id)
    query = replace(BY_BIB, cursor=encode_cursor(BY_BIB, last))
    assert decode_cursor(query) == last
    assert query.cursor is not None
    assert query.cursor.isascii()
    assert query.cursor.isprintable()


def test_the_first_page_has_none() -> None:
    assert decode_cursor(BY_BIB) is None


@pytest.mark.parametrize(
    "other",
    [
        SearchQuery(album="other", bib="42"),
        SearchQuery(album="race", bib="43"),
        SearchQuery(album="race", name="42"),
        SearchQuery(album="race", bib="42", embeddings=(embedding([1, 0]),)),
        SearchQuery(album="race", bib="42", where=PhotoFilter(camera="x")),
        SearchQuery(album="race", bib="42", min_similarity=0.5),
        SearchQuery(album="race", bib="42", weights=Weights(bib=2)),
        SearchQuery(album="race", bib="42", about=Description(text="dog")),
        SearchQuery(album="race", bib="42", must_match_all=True),
        SearchQuery(album="race", bib="42", fusion=Fusion.RANKS),
    ],
)
def test_the_cursor_of_another_query_is_refused(other: SearchQuery) -> None:
    cursor = encode_cursor(BY_BIB, LAST)
    with pytest.raises(InvalidQuery, match="another query"):
        decode_cursor(replace(other, cursor=cursor))
    assert decode_cursor(replace(BY_BIB, limit=7, cursor=cursor)) is not None


@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_any_other_text_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidQuery, match="The cursor"):
        decode_cursor(replace(BY_BIB, cursor=cursor))


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("wrong", [None, [], "x", float("nan"), {"a": 1}, 99, 10**400])
def test_a_modified_cursor_is_refused(place: int, wrong: object) -> None:
    cursor = encode_cursor(BY_BIB, LAST)
    content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    if (place, wrong) == (2, "x"):
        return  # another photo id only changes where the caller continues
    content[place] = wrong
    changed = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    with pytest.raises(InvalidQuery, match="The cursor"):
        decode_cursor(replace(BY_BIB, cursor=changed))


@given(st.lists(st.tuples(st.sampled_from([0.25, 0.5]), st.integers(0, 9)), unique=True, max_size=12))
def test_positions_follow_in_the_order_of_the_answer(scored: list[tuple[float, int]]) -> None:
    positions = [Position(score, photo(f"race/{number}.jpg").photo_id) for score, number in scored]
    order = sorted(positions, key=lambda position: (-position.score, position.photo_id))
    for count, last in enumerate(order, 1):
        assert [position for position in order if position.follows(last)] == order[count:]
