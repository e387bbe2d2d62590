"""What the real service refuses in a query, with its words; and what null, NaN and timestamps match."""

from __future__ import annotations

from typing import Any

import pytest

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.firestore.aggregation import parse_aggregations
from photofinish_emulators.firestore.protos import StructuredAggregationQuery, StructuredQuery, Value
from photofinish_emulators.firestore.query_parsing import parse_query
from photofinish_emulators.firestore.values import encode
from support.firestore_model import NAME, ModelQuery, Where
from support.firestore_queries import structured

PARENT = "projects/p/databases/(default)/documents/albums/spring"


def message(query: ModelQuery) -> Any:
    """The query; what it compares names with are references instead of strings."""
    result = structured(query, PARENT, "photos")
    for one in result.where.composite_filter.filters:
        if one.field_filter.field.field_path == NAME:
            values = one.field_filter.value.array_value.values or [one.field_filter.value]
            for value in values:
                value.reference_value = f"{PARENT}/photos/{value.string_value}"
    return result


ELEVEN = tuple(Where(f"f{number}", ">", 1) for number in range(11))
REFUSED = {
    "order by name before the field of an inequality": (
        ModelQuery((Where("key", "!=", 42),), orders=((NAME, False),)),
        "order by clause cannot contain more fields after the key",
    ),
    "a field after the name": (
        ModelQuery(orders=((NAME, False), ("a", False))),
        "order by clause cannot contain more fields after the key",
    ),
    "equal name and another inequality": (
        ModelQuery((Where("key", "!=", 42), Where(NAME, "==", "x"))),
        "Equality on key is not allowed if there are other inequality fields and key does not appear in inequalities.",
    ),
    "one of some names and another inequality": (
        ModelQuery((Where("key", ">", 42), Where(NAME, "in", ["x", "y"]))),
        "Equality on key is not allowed if there are other inequality fields and key does not appear in inequalities.",
    ),
    "the same order twice": (
        ModelQuery(orders=(("a", False), ("a", True))),
        "order by clause cannot contain duplicate fields a",
    ),
    "two negations": (
        ModelQuery((Where("a", "!=", 1), Where("b", "is-not-null", None))),
        "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.",
    ),
    "not-in and in": (
        ModelQuery((Where("a", "not-in", [1]), Where("b", "in", [1]))),
        "'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.",
    ),
    "eleven inequalities": (
        ModelQuery(ELEVEN),
        "The query contains 11 distinct inequality fields: [f0, f1, f10, f2, f3, f4, f5, f6, f7, f8, f9]. "
        "A query may not have more than 10 distinct inequality fields.",
    ),
    "too many disjunctions": (
        ModelQuery((Where("a", "in", list(range(6))), Where("b", "in", list(range(6))))),
        "Too many disjunctions after normalization. Result had 36 disjunctions which is more than the maximum of 30",
    ),
    "an empty list": (ModelQuery((Where("a", "in", []),)), "'IN' requires an non-empty ArrayValue."),
    "an element of the name": (ModelQuery((Where(NAME, "array-contains", "x"),)), "the name __key__ is reserved"),
    "a null name": (ModelQuery((Where(NAME, "is-null", None),)), "__key__ filter value must be a Key"),
    "a cursor on an order that was not asked for": (
        ModelQuery((Where("n", ">", 1),), orders=(("a", False),), start=((1,), True)),
        "Cursor has too many values.",
    ),
}


@pytest.mark.parametrize(("query", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_queries_get_the_words_of_the_real_service(query: ModelQuery, words: str) -> None:
    request = message(query)
    if words.startswith("Cursor"):
        request.start_at.values.add(integer_value=2)
    with pytest.raises(Refused) as refused:
        parse_query(PARENT, request)
    assert (refused.value.code.name, refused.value.message) == ("INVALID_ARGUMENT", words)


def test_a_name_may_be_compared_beside_an_inequality_of_the_name() -> None:
    parse_query(PARENT, message(ModelQuery((Where(NAME, "==", "x"), Where(NAME, ">", "a")))))
    parse_query(PARENT, message(ModelQuery((Where("a", "==", 1), Where(NAME, "==", "x")))))


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (lambda query: query.order_by.add(direction=2), "kind is required for all orders except __key__ ascending"),
        (lambda query: query.where.unary_filter, "kind is required for filter: n"),
    ],
)
def test_a_query_over_every_collection_can_use_only_names(fill: Any, words: str) -> None:
    query = StructuredQuery()
    query.from_.add(all_descendants=True)
    target = fill(query)
    target.field.field_path = "n" if "filter" in words else NAME
    if "filter" in words:
        target.op = 3
    with pytest.raises(Refused) as refused:
        parse_query(PARENT, query)
    assert refused.value.message == words


def test_six_aggregations_are_refused() -> None:
    request = StructuredAggregationQuery()
    for _ in range(6):
        request.aggregations.add().count.SetInParent()
    with pytest.raises(Refused) as refused:
        parse_aggregations(list(request.aggregations))
    assert refused.value.message == (
        "The maximum number of aggregations allowed in an aggregation query is 5. Received: 6"
    )


def test_an_empty_and_selects_everything_and_an_empty_or_is_refused() -> None:
    query = StructuredQuery()
    query.from_.add(collection_id="photos")
    query.where.composite_filter.op = 1
    assert parse_query(PARENT, query).disjuncts == ((),)
    query.where.composite_filter.op = 2
    with pytest.raises(Refused, match="at least one sub-filter"):
        parse_query(PARENT, query)


def test_timestamps_compare_in_microseconds() -> None:
    def at(nanos: int) -> Any:
        value = Value()
        value.timestamp_value.seconds, value.timestamp_value.nanos = 5, nanos
        return value

    assert encode(at(123_456_789)) == encode(at(123_456_000)) < encode(at(123_457_000))
