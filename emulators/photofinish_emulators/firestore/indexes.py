"""Indexes: the entries of a document in an index, and the range of an index that contains the results of a query.

An index belongs to one collection id and has a list of fields. An entry is

    scope · value of each field · name within the scope

where the scope is the key of the collection (of the database, for collection groups), and values are encoded in their
order, those compared by equality and array elements first. Names come last, always ascending; for descending names the
index is read backwards.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass

from photofinish_emulators.firestore import values
from photofinish_emulators.firestore.documents import StoredDocument
from photofinish_emulators.firestore.paths import FieldPath
from photofinish_emulators.firestore.queries import (
    NAME,
    Bound,
    Conjunction,
    FieldFilter,
    Op,
    Order,
    Query,
    encode_name,
    encode_order,
)
from photofinish_emulators.firestore.values import AFTER, ENCODED_NAN, NUMBER, encode

ASCENDING = "ASCENDING"
DESCENDING = "DESCENDING"
CONTAINS = "CONTAINS"


@dataclass(frozen=True, slots=True)
class Index:
    """The fields of an index, each with its order."""

    collection_id: str
    group: bool
    """True: over all collections with that id in a database; False: within each of them."""
    fields: tuple[tuple[FieldPath, str], ...]

    @property
    def definition(self) -> str:
        return json.dumps([self.group, self.fields])

    def keys(self, document: StoredDocument, database: bytes) -> list[bytes]:
        """The document's entries; [] if it lacks a field."""
        columns: list[list[bytes]] = []
        for path, kind in self.fields:
            value = values.field(document.fields, path)
            if value is None:
                return []
            if kind == CONTAINS:
                if value.WhichOneof("value_type") != "array_value":
                    return []
                columns.append(list({encode(element) for element in value.array_value.values}))
            else:
                columns.append([encode_order(encode(value), kind == DESCENDING)])
        scope = database if self.group else document.collection
        name = encode_name(document.key[len(scope) :])
        return [b"".join((scope, *parts, name)) for parts in itertools.product(*columns)]


@functools.lru_cache(maxsize=1024)
def parse_index(collection_id: str, definition: str) -> Index:
    """The inverse of :attr:`Index.definition`."""
    group, fields = json.loads(definition)
    return Index(collection_id, group, tuple((tuple(path), kind) for path, kind in fields))


@dataclass(frozen=True, slots=True)
class IndexRange:
    """A range of an index, ``low <= key < high``, read forwards or backwards."""

    index: Index
    low: bytes
    high: bytes
    backwards: bool
    skip: int
    """Bytes before the part of a key that orders results; that part is comparable between the disjuncts of a query."""
    exact: bool
    """Whether every document in the range is a result, so that filters need not be checked."""


def range_of(query: Query, conjunction: Conjunction) -> IndexRange:
    """The index range that contains the results of one disjunct. The query has a collection id."""
    backwards = query.orders[-1].descending
    orders = tuple(order.flipped() if backwards else order for order in query.orders)
    ordered = {order.path for order in orders}
    equalities = {condition.path: condition for condition in conjunction if condition.op is Op.EQUAL}
    fixed = [equalities[path] for path in sorted(equalities) if path not in ordered]
    contains = [condition for condition in conjunction if condition.op is Op.CONTAINS]
    used = {*fixed, *contains}

    scope = query.database_key if query.all_descendants else query.collection_key
    before_orders = b"".join((scope, *(condition.operand for condition in (*fixed, *contains))))
    low_cut, high_cut = b"", AFTER
    prefix, leading = b"", 0
    while orders[leading].path in equalities and orders[leading].path != NAME:
        condition = equalities[orders[leading].path]
        prefix += encode_order(condition.operand, orders[leading].descending)
        used.add(condition)
        leading += 1
    for condition in conjunction:
        if condition.path == orders[leading].path and condition.op in _CUTS:
            first, last = _cuts(condition, orders[leading], scope)
            low_cut, high_cut = max(low_cut, first), min(high_cut, last)
            used.add(condition)
    low, high = prefix + low_cut, prefix + high_cut

    first_bound, last_bound = (query.end, query.start) if backwards else (query.start, query.end)
    if first_bound is not None:
        low = max(low, _bound_cut(first_bound, orders, scope, backwards))
    if last_bound is not None:
        high = min(high, _bound_cut(last_bound, orders, scope, backwards))

    fields = (
        *((condition.path, ASCENDING) for condition in fixed),
        *((condition.path, CONTAINS) for condition in contains),
        *((order.path, DESCENDING if order.descending else ASCENDING) for order in orders[:-1]),
    )
    return IndexRange(
        index=Index(query.collection_id, query.all_descendants, fields),
        low=before_orders + low,
        high=before_orders + high,
        backwards=backwards,
        skip=len(before_orders),
        exact=used >= set(conjunction) and (not query.all_descendants or not query.parent.segments),
    )


# Where a comparison starts and stops, ascending. Each is a pair: whether it is at the operand (or at the end of the
# operand's type), and whether it is before it.
_CUTS: dict[Op, tuple[tuple[bool, bool], tuple[bool, bool]]] = {
    Op.EQUAL: ((True, True), (True, False)),
    Op.LESS: ((False, True), (True, True)),
    Op.LESS_OR_EQUAL: ((False, True), (True, False)),
    Op.GREATER: ((True, False), (False, False)),
    Op.GREATER_OR_EQUAL: ((True, True), (False, False)),
}


def _cuts(condition: FieldFilter, order: Order, scope: bytes) -> tuple[bytes, bytes]:
    """The cuts before and after the encoded values that a comparison allows, in the given order."""
    cuts = []
    for at_operand, before in _CUTS[condition.op]:
        if order.path == NAME:
            cuts.append(_name_cut(condition.operand, before, scope) if at_operand else (b"" if before else AFTER))
        elif at_operand:
            cuts.append(_cut(condition.operand, before, order.descending))
        elif before and condition.operand[0] == NUMBER:  # NaN, the first of the numbers, does not compare
            cuts.append(_cut(ENCODED_NAN, False, order.descending))
        else:  # only values of the same type compare
            cuts.append(_type_cut(condition.operand[0], before, order.descending))
    return (cuts[1], cuts[0]) if order.descending else (cuts[0], cuts[1])


def _type_cut(tag: int, before: bool, descending: bool) -> bytes:
    """Before or after all values whose encoding begins with ``tag``, whatever bytes follow."""
    first = tag if before else tag + 1
    return bytes([256 - first if descending else first])


def _cut(operand: bytes, before: bool, descending: bool) -> bytes:
    """Before or after a value in ascending order, as a cut in the given direction."""
    return encode_order(operand, descending) + (b"" if before ^ descending else AFTER)


def _name_cut(key: bytes, before: bool, scope: bytes) -> bytes:
    """Before or after a document, among names relative to ``scope``."""
    if key.startswith(scope):
        return _cut(encode_name(key[len(scope) :]), before, False)
    return b"" if key < scope else AFTER


def _bound_cut(bound: Bound, orders: tuple[Order, ...], scope: bytes, backwards: bool) -> bytes:
    """The position of a cursor in the part of an index that orders results."""
    before = bound.before ^ backwards
    cut = b""
    for operand, order in zip(bound.operands, orders, strict=False):
        if order.path == NAME:
            return cut + _name_cut(operand, before, scope)
        cut += encode_order(operand, order.descending)
    return cut + (b"" if before else AFTER)


def entries(
    indexes: list[tuple[int, Index]], document: StoredDocument | None, database: bytes
) -> Iterator[tuple[int, bytes]]:
    """All entries of the document in ``indexes``, each with the number of its index."""
    if document is not None:
        for number, index in indexes:
            for key in index.keys(document, database):
                yield number, key
