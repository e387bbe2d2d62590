"""Parses a ``StructuredQuery`` to a :class:`Query`: checked, with implied orders, and filters in normal form.

The rules are those of https://firebase.google.com/docs/firestore/query-data/queries#limitations and
https://firebase.google.com/docs/firestore/query-data/multiple-range-fields. The refusals have the words of the real
service, as clients' integration tests expect them (firebase-js-sdk, packages/firestore/test/integration/api) and as
t-k/fireemu on GitHub recorded them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from photofinish_emulators.common.rpc_errors import invalid, unimplemented
from photofinish_emulators.firestore.nearest import parse_nearest
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
from photofinish_emulators.firestore.values import ENCODED_NAN, ENCODED_NULL, NULL_VALUE, encode

MAX_DISJUNCTIONS = 30
MAX_NOT_IN_VALUES = 10
MAX_INEQUALITY_FIELDS = 10


def parse_query(parent: str, query: Message, *, may_search: bool = False) -> Query:
    """Check a ``StructuredQuery`` and convert it to normal form.

    Raises:
        Refused: INVALID_ARGUMENT, with the reason; UNIMPLEMENTED for vector search, unless ``may_search``.
    """
    if query.HasField("find_nearest") and not may_search:
        raise unimplemented("find_nearest is served by RunQuery only: not by listeners, aggregations and partitions.")
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
    if not selector.collection_id:
        _check_without_collection(disjuncts, orders)
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
        nearest=parse_nearest(query.find_nearest) if query.HasField("find_nearest") else None,
    )
    if query.HasField("start_at"):
        start = _parse_bound(query.start_at, orders, len(query.order_by))
        result = replace(result, start=start, start_cut=start.cut(orders))
    if query.HasField("end_at"):
        end = _parse_bound(query.end_at, orders, len(query.order_by))
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
            raise invalid(f"order by clause cannot contain duplicate fields {format_field_path(path)}")
        orders.append(Order(path, order.direction == 2))
    last_descending = orders[-1].descending if orders else False
    unequal = _inequality_fields(disjuncts)
    missing = unequal - {order.path for order in orders} - {NAME}
    orders += [Order(path, last_descending) for path in sorted(missing, key=format_field_path)]
    if all(order.path != NAME for order in orders):
        orders.append(Order(NAME, last_descending))
    if orders[-1].path != NAME:
        raise invalid("order by clause cannot contain more fields after the key")
    return tuple(orders)


def _inequality_fields(disjuncts: tuple[Conjunction, ...]) -> set[FieldPath]:
    return {
        condition.path
        for conjunction in disjuncts
        for condition in conjunction
        if condition.op.is_inequality and condition is not _NOTHING
    }


def _check_without_collection(disjuncts: tuple[Conjunction, ...], orders: tuple[Order, ...]) -> None:
    """A query over documents of every collection can use no field, because indexes belong to a collection id."""
    for conjunction in disjuncts:
        for condition in conjunction:
            if condition.path != NAME:
                raise invalid(f"kind is required for filter: {format_field_path(condition.path)}")
    if orders != (Order(NAME, False),):
        raise invalid("kind is required for all orders except __key__ ascending")


def _parse_bound(cursor: Message, orders: tuple[Order, ...], explicit: int) -> Bound:
    """A cursor has values for the first of the ``explicit`` orders, not for those that Firestore adds."""
    if len(cursor.values) > explicit:
        raise invalid("Cursor has too many values.")
    operands = (
        _name_operand(value, "Cursor __key__ value is not a document reference.")
        if order.path == NAME
        else encode(value)
        for value, order in zip(cursor.values, orders, strict=False)
    )
    return Bound(tuple(operands), cursor.before)


def _name_operand(value: Message, refusal: str) -> bytes:
    """The document's key for a reference value that is compared with ``__name__``."""
    if value.WhichOneof("value_type") != "reference_value":
        raise invalid(refusal)
    return name_key(parse_name(value.reference_value))


class _FilterParser:
    """Converts a filter tree to a disjunction of conjunctions, as the real service does before planning."""

    def __init__(self) -> None:
        self._not_in = False
        self._not_equal = 0
        self._disjunctive = False
        self._names_equal = False

    def parse(self, root: Message) -> tuple[Conjunction, ...]:
        disjuncts = tuple(self._parse(root))
        if self._not_in + self._not_equal > 1:
            raise invalid(
                "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query."
            )
        if self._not_in and self._disjunctive:
            raise invalid("'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.")
        _check_number(len(disjuncts))
        for conjunction in disjuncts:
            if sum(condition.op is Op.CONTAINS for condition in conjunction) > 1:
                raise invalid("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.")
        self._check_inequalities(_inequality_fields(disjuncts))
        return disjuncts

    def _check_inequalities(self, paths: set[FieldPath]) -> None:
        if len(paths) > MAX_INEQUALITY_FIELDS:
            raise invalid(
                f"The query contains {len(paths)} distinct inequality fields: "
                f"[{', '.join(sorted(map(format_field_path, paths)))}]. A query may not have more than "
                f"{MAX_INEQUALITY_FIELDS} distinct inequality fields."
            )
        if self._names_equal and paths and NAME not in paths:
            raise invalid(
                "Equality on key is not allowed if there are other inequality fields and key does not appear in "
                "inequalities."
            )

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
        if node.op == 2:
            if not node.filters:
                raise invalid("Composite filter must have at least one sub-filter.")
            self._disjunctive = self._disjunctive or len(node.filters) > 1
            for child in node.filters:
                yield from self._parse(child)
        elif node.op == 1:
            product: list[Conjunction] = [()]
            for child in node.filters:
                branches = list(self._parse(child))
                product = [left + right for left in product for right in branches]
                _check_number(len(product))
            yield from product
        else:
            raise invalid("A composite filter must have the operator AND or OR.")

    def _parse_unary(self, node: Message) -> Conjunction:
        path = parse_field_path(node.field.field_path)
        if path == NAME:
            raise invalid(_NAME_REFUSAL)
        value = NULL_VALUE if node.op in (3, 5) else _NAN_VALUE
        if node.op in (2, 3):
            return (FieldFilter(path, Op.EQUAL, encode(value), value),)
        if node.op in (4, 5):
            self._not_equal += 1
            return (FieldFilter(path, Op.NOT_EQUAL, encode(value), value),)
        raise invalid("A unary filter has no operator.")

    def _parse_field(self, node: Message) -> Iterator[Conjunction]:
        path = parse_field_path(node.field.field_path)
        op = _SIMPLE_OPS.get(node.op)
        if op is not None:
            self._not_equal += op is Op.NOT_EQUAL
            yield self._comparison(path, op, node.value)
            return
        if node.op not in _LIST_OPS:
            raise invalid("A field filter has no operator.")
        label, op, most = _LIST_OPS[node.op]
        elements = list(node.value.array_value.values)
        if node.value.WhichOneof("value_type") != "array_value":
            raise invalid(f"'{label}' requires an ArrayValue.")
        if not elements:
            raise invalid(f"'{label}' requires an non-empty ArrayValue.")
        if len(elements) > most:
            raise invalid(f"'{label}' supports up to {most} comparison values.")
        conditions = [self._comparison(path, op, element) for element in elements]
        if op is Op.NOT_EQUAL:
            self._not_in = True
            yield tuple(condition for conjunction in conditions for condition in conjunction)
        else:
            self._disjunctive = True
            yield from dict.fromkeys(conditions)

    def _comparison(self, path: FieldPath, op: Op, value: Message) -> Conjunction:
        if path == NAME:
            if op is Op.CONTAINS:
                raise invalid("the name __key__ is reserved")
            self._names_equal = self._names_equal or op is Op.EQUAL
            return (FieldFilter(path, op, _name_operand(value, _NAME_REFUSAL), value),)
        condition = FieldFilter(path, op, encode(value), value)
        # Only unary filters find null and NaN: in comparisons null is unequal to nothing and NaN equal to nothing.
        incomparable = {ENCODED_NULL} if op is Op.NOT_EQUAL else {ENCODED_NULL, ENCODED_NAN}
        return (condition, _NOTHING) if condition.operand in incomparable else (condition,)


def _check_number(disjuncts: int) -> None:
    if disjuncts > MAX_DISJUNCTIONS:
        raise invalid(
            f"Too many disjunctions after normalization. Result had {disjuncts} disjunctions which is more than the "
            f"maximum of {MAX_DISJUNCTIONS}"
        )


_SIMPLE_OPS = {
    1: Op.LESS,
    2: Op.LESS_OR_EQUAL,
    3: Op.GREATER,
    4: Op.GREATER_OR_EQUAL,
    5: Op.EQUAL,
    6: Op.NOT_EQUAL,
    7: Op.CONTAINS,
}
_LIST_OPS = {
    8: ("IN", Op.EQUAL, MAX_DISJUNCTIONS),
    9: ("ARRAY_CONTAINS_ANY", Op.CONTAINS, MAX_DISJUNCTIONS),
    10: ("NOT_IN", Op.NOT_EQUAL, MAX_NOT_IN_VALUES),
}
_NAME_REFUSAL = "__key__ filter value must be a Key"
_NAN_VALUE = Value(double_value=float("nan"))
_NOTHING = FieldFilter(NAME, Op.LESS, b"")
"""Added to the filters of a conjunction that no document matches."""
