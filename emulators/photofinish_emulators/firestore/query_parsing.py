"""Parses a ``StructuredQuery`` to a :class:`Query`: checked, with implied orders, and filters in normal form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from photofinish_emulators.common.rpc_errors import invalid, unimplemented
from photofinish_emulators.firestore.paths import (
    FieldPath,
    check_collection_id,
    database_key,
    format_field_path,
    name_key,
    parent_name,
    parse_field_path,
    parse_name,
    segment_key,
)
from photofinish_emulators.firestore.protos import Message, Value
from photofinish_emulators.firestore.queries import NAME, Bound, Conjunction, FieldFilter, Op, Order, Query
from photofinish_emulators.firestore.values import ENCODED_NULL, encode

MAX_DISJUNCTIONS = 30
MAX_NOT_IN_VALUES = 10


def parse_query(parent: str, query: Message) -> Query:
    """Check a ``StructuredQuery`` and convert it to normal form.

    Raises:
        Refused: INVALID_ARGUMENT, with the reason; UNIMPLEMENTED for vector search.
    """
    if query.HasField("find_nearest"):
        raise unimplemented("find_nearest: vector search is not served here.")
    if len(query.from_) != 1:
        raise invalid("A query must have exactly one collection selector.")
    name = parent_name(parent)
    selector = query.from_[0]
    if selector.collection_id:
        check_collection_id(selector.collection_id)
    elif not selector.all_descendants:
        raise invalid("A query without a collection id must select all descendants.")
    disjuncts: tuple[Conjunction, ...] = _FilterParser().parse(query.where) if query.HasField("where") else ((),)
    orders = _complete_orders(query, disjuncts)
    if query.offset < 0:
        raise invalid("The offset of a query must not be negative.")
    if query.HasField("limit") and query.limit.value < 0:
        raise invalid("The limit of a query must not be negative.")
    result = Query(
        database_key=database_key(name.database),
        parent=name,
        parent_key=name_key(name),
        collection_key=name_key(name) + segment_key(selector.collection_id),
        collection_id=selector.collection_id,
        all_descendants=selector.all_descendants,
        disjuncts=tuple(dict.fromkeys(disjuncts)),
        orders=orders,
        offset=query.offset,
        limit=query.limit.value if query.HasField("limit") else None,
        select=_parse_projection(query.select) if query.HasField("select") else None,
    )
    if query.HasField("start_at"):
        start = _parse_bound(query.start_at, orders)
        result = replace(result, start=start, start_cut=start.cut(orders))
    if query.HasField("end_at"):
        end = _parse_bound(query.end_at, orders)
        result = replace(result, end=end, end_cut=end.cut(orders))
    return result


def _parse_projection(select: Message) -> tuple[FieldPath, ...]:
    paths = tuple(parse_field_path(reference.field_path) for reference in select.fields)
    return tuple(path for path in paths if path != NAME)


def _complete_orders(query: Message, disjuncts: tuple[Conjunction, ...]) -> tuple[Order, ...]:
    orders: list[Order] = []
    for order in query.order_by:
        path = parse_field_path(order.field.field_path)
        if any(path == earlier.path for earlier in orders):
            raise invalid(f"The query orders by {format_field_path(path)} twice.")
        orders.append(Order(path, order.direction == 2))
    last_descending = orders[-1].descending if orders else False
    unequal = {condition.path for conjunction in disjuncts for condition in conjunction if condition.op.is_inequality}
    missing = unequal - {order.path for order in orders} - {NAME}
    orders += [Order(path, last_descending) for path in sorted(missing, key=format_field_path)]
    if all(order.path != NAME for order in orders):
        orders.append(Order(NAME, last_descending))
    names = [order.path for order in orders]
    return tuple(orders[: names.index(NAME) + 1])  # nothing can follow a name in an order


def _parse_bound(cursor: Message, orders: tuple[Order, ...]) -> Bound:
    if len(cursor.values) > len(orders):
        raise invalid("A cursor has more values than the query has orders.")
    operands = (
        name_operand(value) if order.path == NAME else encode(value)
        for value, order in zip(cursor.values, orders, strict=False)
    )
    return Bound(tuple(operands), cursor.before)


def name_operand(value: Message) -> bytes:
    """The document's key for a reference value that is compared with ``__name__``."""
    if value.WhichOneof("value_type") != "reference_value":
        raise invalid("A filter or cursor on __name__ must have a reference as its value.")
    return name_key(parse_name(value.reference_value))


class _FilterParser:
    """Converts a filter tree to a disjunction of conjunctions, as the real service does before planning."""

    def __init__(self) -> None:
        self._not_in = False
        self._not_equal = 0
        self._disjunctive = False

    def parse(self, root: Message) -> tuple[Conjunction, ...]:
        disjuncts = tuple(self._parse(root))
        if len(disjuncts) > MAX_DISJUNCTIONS:
            raise invalid(f"The query has {len(disjuncts)} disjunctions, more than {MAX_DISJUNCTIONS}.")
        if self._not_in and self._disjunctive:
            raise invalid("'NOT_IN' cannot be used in the same query with 'OR', 'IN' or 'ARRAY_CONTAINS_ANY'.")
        if self._not_in + self._not_equal > 1:
            raise invalid("A query can have only one 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NULL' or 'IS_NOT_NAN' filter.")
        for conjunction in disjuncts:
            if sum(condition.op is Op.CONTAINS for condition in conjunction) > 1:
                raise invalid("A disjunction can have only one 'ARRAY_CONTAINS' or 'ARRAY_CONTAINS_ANY' filter.")
        return disjuncts

    def _parse(self, node: Message) -> Iterator[Conjunction]:
        kind = node.WhichOneof("filter_type")
        if kind == "field_filter":
            yield from self._parse_field(node.field_filter)
        elif kind == "unary_filter":
            yield self._parse_unary(node.unary_filter)
        elif kind == "composite_filter":
            yield from self._parse_composite(node.composite_filter)
        else:
            raise invalid("A filter has no type.")

    def _parse_composite(self, node: Message) -> Iterator[Conjunction]:
        if not node.filters:
            raise invalid("A composite filter must have at least one filter.")
        if node.op == 2:
            self._disjunctive = self._disjunctive or len(node.filters) > 1
            for child in node.filters:
                yield from self._parse(child)
        elif node.op == 1:
            product: list[Conjunction] = [()]
            for child in node.filters:
                branches = list(self._parse(child))
                product = [left + right for left in product for right in branches]
                if len(product) > MAX_DISJUNCTIONS:
                    raise invalid(f"The query has more than {MAX_DISJUNCTIONS} disjunctions.")
            yield from product
        else:
            raise invalid("A composite filter must have the operator AND or OR.")

    def _parse_unary(self, node: Message) -> Conjunction:
        path = parse_field_path(node.field.field_path)
        operand = ENCODED_NULL if node.op in (3, 5) else encode(Value(double_value=float("nan")))
        if node.op in (2, 3):
            return (FieldFilter(path, Op.EQUAL, operand),)
        if node.op in (4, 5):
            self._not_equal += 1
            return (FieldFilter(path, Op.NOT_EQUAL, operand),)
        raise invalid("A unary filter has no operator.")

    def _parse_field(self, node: Message) -> Iterator[Conjunction]:
        path = parse_field_path(node.field.field_path)
        operand = name_operand if path == NAME else encode
        op = _SIMPLE_OPS.get(node.op)
        if op is not None:
            if path == NAME and op is Op.CONTAINS:
                raise invalid("ARRAY_CONTAINS cannot be used on __name__.")
            self._not_equal += op is Op.NOT_EQUAL
            yield (FieldFilter(path, op, operand(node.value)),)
            return
        if node.op not in _LIST_OPS:
            raise invalid("A field filter has no operator.")
        elements = list(node.value.array_value.values)
        label = _LIST_OPS[node.op]
        if node.value.WhichOneof("value_type") != "array_value" or not elements:
            raise invalid(f"'{label}' requires a non-empty ArrayValue.")
        if label == "NOT_IN":
            if len(elements) > MAX_NOT_IN_VALUES:
                raise invalid(f"'NOT_IN' supports up to {MAX_NOT_IN_VALUES} comparison values.")
            self._not_in = True
            # `x != null` is undefined for every x, so a list that contains null selects nothing.
            yield tuple(FieldFilter(path, Op.NOT_EQUAL, operand(element)) for element in elements) + (
                (_NOTHING,) if any(element.WhichOneof("value_type") == "null_value" for element in elements) else ()
            )
            return
        if len(elements) > MAX_DISJUNCTIONS:
            raise invalid(f"'{label}' supports up to {MAX_DISJUNCTIONS} comparison values.")
        self._disjunctive = True
        op = Op.EQUAL if label == "IN" else Op.CONTAINS
        for encoded in dict.fromkeys(map(operand, elements)):
            yield (FieldFilter(path, op, encoded),)


_SIMPLE_OPS = {
    1: Op.LESS,
    2: Op.LESS_OR_EQUAL,
    3: Op.GREATER,
    4: Op.GREATER_OR_EQUAL,
    5: Op.EQUAL,
    6: Op.NOT_EQUAL,
    7: Op.CONTAINS,
}
_LIST_OPS = {8: "IN", 9: "ARRAY_CONTAINS_ANY", 10: "NOT_IN"}
_NOTHING = FieldFilter(NAME, Op.LESS, b"")
