"""count, sum and avg over the results of a query."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from photofinish_emulators.common.rpc_errors import invalid
from photofinish_emulators.firestore import execution, values
from photofinish_emulators.firestore.documents import StoredDocument, View
from photofinish_emulators.firestore.paths import FieldPath, parse_field_path
from photofinish_emulators.firestore.protos import AggregationResult, Message, Value
from photofinish_emulators.firestore.queries import NAME, Order, Query
from photofinish_emulators.firestore.values import NULL_VALUE

MAX_AGGREGATIONS = 5
_MAX_INT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Aggregation:
    alias: str
    kind: str
    """``count``, ``sum`` or ``avg``."""
    path: FieldPath | None
    up_to: int | None


def parse_aggregations(messages: list[Message]) -> list[Aggregation]:
    """Check the aggregations of a request; those without an alias get ``field_1``, ``field_2``, …

    Raises:
        Refused: INVALID_ARGUMENT, with the reason.
    """
    if not messages:
        raise invalid("Aggregations can not be empty.")
    if len(messages) > MAX_AGGREGATIONS:
        # The words are those of the real service: nodejs-datastore's system tests expect them.
        raise invalid(
            f"The maximum number of aggregations allowed in an aggregation query is {MAX_AGGREGATIONS}. "
            f"Received: {len(messages)}"
        )
    result = []
    numbers = itertools.count(1)
    for message in messages:
        kind = message.WhichOneof("operator")
        alias = message.alias or f"field_{next(numbers)}"
        if kind == "count":
            up_to = message.count.up_to.value if message.count.HasField("up_to") else None
            if up_to is not None and up_to <= 0:
                raise invalid("up_to must be greater than zero.")
            result.append(Aggregation(alias, kind, None, up_to))
        elif kind in ("sum", "avg"):
            path = parse_field_path(getattr(message, kind).field.field_path)
            if path == NAME:
                raise invalid(f"{kind} cannot be over __name__.")
            result.append(Aggregation(alias, kind, path, None))
        else:
            raise invalid("An aggregation has no operator.")
    if len({aggregation.alias for aggregation in result}) < len(result):
        raise invalid("Aggregation aliases contain duplicate aliases.")
    return result


def over(query: Query, aggregations: list[Aggregation]) -> Query:
    """The query whose results are aggregated.

    The real service reads an index that has the aggregated fields after the query's orders. So only documents that have
    all those fields count, and a limit applies in that order.
    """
    bounds = [bound for bound in (query.start, query.end) if bound is not None]
    if any(len(bound.operands) == len(query.orders) for bound in bounds):
        return query  # a cursor that names a document already determines the order
    *orders, name = query.orders
    ordered = {order.path for order in orders}
    paths = dict.fromkeys(each.path for each in aggregations if each.path is not None and each.path not in ordered)
    added = (Order(path, name.descending) for path in paths)
    return replace(query, orders=(*orders, *added, name), aggregated=frozenset(paths))


def aggregate(view: View, query: Query, aggregations: list[Aggregation]) -> Message:
    """The ``AggregationResult``."""
    result = AggregationResult()
    if all(aggregation.kind == "count" for aggregation in aggregations):
        for aggregation in aggregations:
            total = execution.count(view, query, aggregation.up_to)
            result.aggregate_fields[aggregation.alias].integer_value = total
        return result
    sums = [_Accumulator(aggregation) for aggregation in aggregations]
    for document in execution.run(view, query):
        for accumulator in sums:
            accumulator.add(document)
    for accumulator in sums:
        result.aggregate_fields[accumulator.aggregation.alias].CopyFrom(accumulator.result())
    return result


class _Accumulator:
    def __init__(self, aggregation: Aggregation) -> None:
        self.aggregation = aggregation
        self._documents = 0
        self._numbers = 0
        self._integers = 0
        self._doubles: list[float] = []

    def add(self, document: StoredDocument) -> None:
        self._documents += 1
        if self.aggregation.path is None:
            return
        value = values.field(document.fields, self.aggregation.path)
        kind = None if value is None else value.WhichOneof("value_type")
        if value is None or kind not in ("integer_value", "double_value"):
            return
        self._numbers += 1
        if kind == "integer_value":
            self._integers += value.integer_value
        else:
            self._doubles.append(value.double_value)

    def result(self) -> Message:
        if self.aggregation.kind == "count":
            up_to = self.aggregation.up_to
            return Value(integer_value=self._documents if up_to is None else min(up_to, self._documents))
        if self.aggregation.kind == "avg":
            return Value(double_value=self._double_sum() / self._numbers) if self._numbers else NULL_VALUE
        if not self._doubles and -_MAX_INT - 1 <= self._integers <= _MAX_INT:
            return Value(integer_value=self._integers)
        return Value(double_value=self._double_sum())

    def _double_sum(self) -> float:
        return sum_doubles([*self._doubles, self._integers])


def sum_doubles(numbers: Sequence[float]) -> float:
    """The sum, rounded once; infinite where a double cannot hold it, as in the arithmetic of doubles.

    The real service rounds after each addition, in an order that it chooses; it may overflow where this does not.
    """
    if not all(map(math.isfinite, numbers)):
        return sum(number for number in numbers if not math.isfinite(number))
    try:
        return math.fsum(numbers)
    except OverflowError:  # a partial sum is too large; the sum itself may be smaller
        total = sum(map(Fraction, numbers))
        try:
            return float(total)
        except OverflowError:
            return math.inf if total > 0 else -math.inf
