"""A model of Firestore's query semantics: plain Python with the official client's comparison of values.

It shares no code with the server, so that both cannot have the same bug.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.order import Order, TypeOrder

NAME = "__name__"
Document = Mapping[str, Any]
INEQUALITIES = ("<", "<=", ">", ">=", "!=", "not-in", "is-not-null", "is-not-nan")


@dataclass(frozen=True)
class Where:
    path: str
    op: str
    value: Any


@dataclass(frozen=True)
class ModelQuery:
    """A document must match all of ``every``, and one of ``some`` unless that is empty."""

    every: tuple[Where, ...] = ()
    some: tuple[Where, ...] = ()
    orders: tuple[tuple[str, bool], ...] = ()
    """Field and whether it is descending."""
    start: tuple[tuple[Any, ...], bool] | None = None
    """Values of the first orders and whether the cursor is before them."""
    end: tuple[tuple[Any, ...], bool] | None = None
    offset: int = 0
    limit: int | None = None


def compare(left: Any, right: Any) -> int:
    """The order of two values of any types: -1, 0 or 1."""
    return Order.compare(_helpers.encode_value(left), _helpers.encode_value(right))


def is_null(value: Any) -> bool:
    return value is None


def is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


UNARY = {
    "is-null": (is_null, True),
    "is-nan": (is_nan, True),
    "is-not-null": (is_null, False),
    "is-not-nan": (is_nan, False),
}


def equal(value: Any, operand: Any) -> bool:
    """Whether a comparison finds them equal: null and NaN are equal to nothing, not even to themselves."""
    return operand is not None and not is_nan(operand) and compare(value, operand) == 0


def lookup(document: Document, path: str) -> tuple[bool, Any]:
    """Whether the document has the field, and its value."""
    value: Any = document
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return False, None
        value = value[name]
    return True, value


def results(documents: Mapping[str, Document], query: ModelQuery) -> list[str]:
    """Ids of the results, in order."""
    orders = complete_orders(query)
    found = [
        (id, document)
        for id, document in documents.items()
        if all(matches(document, one) for one in query.every)
        and (not query.some or any(matches(document, one) for one in query.some))
        and all(path == NAME or lookup(document, path)[0] for path, _ in orders)
    ]
    place = functools.partial(_place, orders=orders)
    found.sort(key=functools.cmp_to_key(lambda left, right: _compare_places(place(*left), place(*right), orders)))
    if query.start is not None:
        values, before = query.start
        found = [one for one in found if _compare_places(place(*one), values, orders) >= (0 if before else 1)]
    if query.end is not None:
        values, before = query.end
        found = [one for one in found if _compare_places(place(*one), values, orders) <= (-1 if before else 0)]
    stop = None if query.limit is None else query.offset + query.limit
    return [id for id, _ in found[query.offset : stop]]


def complete_orders(query: ModelQuery) -> list[tuple[str, bool]]:
    """The orders with those that Firestore adds."""
    orders = list(query.orders)
    last = orders[-1][1] if orders else False
    named = {path for path, _ in orders}
    unequal = {one.path for one in (*query.every, *query.some) if one.op in INEQUALITIES}
    orders += [(path, last) for path in sorted(unequal - named - {NAME})]
    names = [path for path, _ in orders]
    return orders[: names.index(NAME) + 1] if NAME in names else [*orders, (NAME, last)]


def matches(document: Document, condition: Where) -> bool:
    present, value = lookup(document, condition.path)
    if not present:
        return False
    op, operand = condition.op, condition.value
    if op in UNARY:
        finds, wanted = UNARY[op]
        return finds(value) if wanted else value is not None and not finds(value)
    if op == "==":
        return equal(value, operand)
    if op == "!=":
        return value is not None and operand is not None and compare(value, operand) != 0
    if op == "in":
        return any(equal(value, one) for one in operand)
    if op == "not-in":
        return value is not None and None not in operand and all(compare(value, one) != 0 for one in operand)
    if op == "array-contains":
        return isinstance(value, list) and any(equal(one, operand) for one in value)
    if op == "array-contains-any":
        return isinstance(value, list) and any(equal(one, other) for one in value for other in operand)
    if operand is None or is_nan(value) or is_nan(operand) or _type(value) != _type(operand):
        return False
    difference = compare(value, operand)
    return {"<": difference < 0, "<=": difference <= 0, ">": difference > 0, ">=": difference >= 0}[op]


def _type(value: Any) -> TypeOrder:
    kind = TypeOrder.from_value(_helpers.encode_value(value))
    assert isinstance(kind, TypeOrder)
    return kind


def _place(id: str, document: Document, *, orders: Sequence[tuple[str, bool]]) -> tuple[Any, ...]:
    return tuple(id if path == NAME else lookup(document, path)[1] for path, _ in orders)


def _compare_places(left: Sequence[Any], right: Sequence[Any], orders: Sequence[tuple[str, bool]]) -> int:
    for one, other, (path, descending) in zip(left, right, orders, strict=False):
        difference = (one > other) - (one < other) if path == NAME else compare(one, other)
        if difference:
            return -difference if descending else difference
    return 0
