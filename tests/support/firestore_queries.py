"""Random documents and queries for tests of query semantics, with few values, so that equal ones are frequent."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.types import query as query_types
from hypothesis import strategies as st

from support.firestore_model import INEQUALITIES, NAME, ModelQuery, Where, lookup

OPS = {"<": 1, "<=": 2, ">": 3, ">=": 4, "==": 5, "!=": 6, "array-contains": 7, "in": 8, "array-contains-any": 9}
OPS["not-in"] = 10
UNARY_OPS = {"is-nan": 2, "is-null": 3, "is-not-nan": 4, "is-not-null": 5}

SCALARS = st.sampled_from([0, 0.0, 1, 1.0, 1.5, 2, 2.5, "a", "a\x00", None, True, float("nan")])
OTHERS = st.sampled_from(
    [[], [1], [0, "a"], [1.0, 2], {}, {"x": 1}, b"a", math.inf, -math.inf, 2**63 - 1, datetime(2024, 1, 1, tzinfo=UTC)]
)
VALUES = st.one_of(SCALARS, SCALARS, OTHERS)
FIELDS = st.sampled_from(["a", "a", "b", "m.x"])
PRESENT = st.fixed_dictionaries({"a": VALUES, "b": VALUES, "m": st.fixed_dictionaries({"x": VALUES})})
PARTIAL = st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES, "m": VALUES})
DOCUMENTS = st.dictionaries(
    st.sampled_from(["1", "2", "3", "4", "5", "é", "id5", "ä"]),
    st.one_of(PRESENT, PRESENT, PRESENT, PRESENT, PARTIAL),
    min_size=4,
    max_size=8,
)


@st.composite
def wheres(draw: st.DrawFn, documents: dict[str, dict[str, Any]], ops: list[str]) -> Where:
    """A filter, usually with a value that occurs in the documents."""
    op, path = draw(st.sampled_from(ops)), draw(FIELDS)
    if op in UNARY_OPS:
        return Where(path, op, None)
    existing = [value for one in documents.values() for present, value in [lookup(one, path)] if present]
    if op in ("array-contains", "array-contains-any"):
        existing = [element for value in existing if isinstance(value, list) for element in value]
        operands = SCALARS
    else:
        operands = VALUES
    if existing:
        operands = st.one_of(st.sampled_from(existing), st.sampled_from(existing), operands)
    if op in ("in", "array-contains-any", "not-in"):
        return Where(path, op, draw(st.lists(operands, min_size=1, max_size=3)))
    return Where(path, op, draw(operands))


@st.composite
def queries(draw: st.DrawFn, documents: dict[str, dict[str, Any]]) -> ModelQuery:
    """A query that the server accepts; its cursors are usually positions of documents."""
    shape = draw(st.sampled_from(["all", "one", "one", "range", "two", "or", "not-in"]))
    every: list[Where] = []
    some: list[Where] = []
    if shape in ("one", "two"):
        every.append(draw(wheres(documents, ["==", "!=", "in", "array-contains", "array-contains-any", *UNARY_OPS])))
    if shape in ("range", "two"):
        every.append(draw(wheres(documents, ["<", "<=", ">", ">="])))
    if shape == "or":
        ops = ["==", ">", "<=", "array-contains", "in", "is-null", "is-nan"]
        some = draw(st.lists(wheres(documents, ops), min_size=2, max_size=3))
    if shape == "not-in":
        every.append(draw(wheres(documents, ["not-in"])))
    paths = draw(st.lists(FIELDS, unique=True, max_size=2))
    if every and draw(st.booleans()):  # an order by the field of the filter
        paths = list(dict.fromkeys([every[-1].path, *paths]))
    orders = tuple((path, draw(st.booleans())) for path in paths)
    unequal = {one.path for one in (*every, *some) if one.op in INEQUALITIES}
    if unequal <= set(paths) and draw(st.sampled_from([False, False, True])):  # nothing can follow a name in an order
        orders = (*orders, (NAME, draw(st.booleans())))
    query = ModelQuery(tuple(every), tuple(some), orders)

    def cursor() -> tuple[tuple[Any, ...], bool] | None:
        if not orders or not draw(st.booleans()):
            return None
        id, place = draw(st.sampled_from(list(documents.items())))
        length = draw(st.integers(1, len(orders)))
        found = ((True, id) if path == NAME else lookup(place, path) for path, _ in orders[:length])
        return tuple(value if present else draw(VALUES) for present, value in found), draw(st.booleans())

    return replace(
        query,
        start=cursor(),
        end=cursor(),
        offset=draw(st.sampled_from([0, 0, 0, 1])),
        limit=draw(st.sampled_from([None, None, 1, 3])),
    )


def value_message(value: Any) -> Any:
    return _helpers.encode_value(value)._pb


def structured(query: ModelQuery, parent: str, collection_id: str) -> Any:
    """The query as a ``StructuredQuery`` on one collection of ``parent``."""
    message = query_types.StructuredQuery.pb()()
    message.from_.add(collection_id=collection_id)
    if query.every or query.some:
        message.where.composite_filter.op = 1
        for one in query.every:
            _set_filter(message.where.composite_filter.filters.add(), one)
        if query.some:
            either = message.where.composite_filter.filters.add()
            either.composite_filter.op = 2
            for one in query.some:
                _set_filter(either.composite_filter.filters.add(), one)
    for path, descending in query.orders:
        message.order_by.add(direction=2 if descending else 1).field.field_path = path
    for cursor, target in ((query.start, message.start_at), (query.end, message.end_at)):
        if cursor is not None:
            for value, (path, _) in zip(cursor[0], query.orders, strict=False):
                name = {"reference_value": f"{parent}/{collection_id}/{value}"}
                target.values.add(**name) if path == NAME else target.values.append(value_message(value))
            target.before = cursor[1]
    message.offset = query.offset
    if query.limit is not None:
        message.limit.value = query.limit
    return message


def _set_filter(message: Any, one: Where) -> None:
    if one.op in UNARY_OPS:
        message.unary_filter.field.field_path = one.path
        message.unary_filter.op = UNARY_OPS[one.op]
        return
    message.field_filter.field.field_path = one.path
    message.field_filter.op = OPS[one.op]
    message.field_filter.value.CopyFrom(value_message(one.value))
