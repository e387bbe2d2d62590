"""Checks whether the real service has an index for a query: an automatic one, or composite ones defined in a file.

The file is ``firestore.indexes.json``, as the Firebase CLI and Terraform deploy it. Every field has automatic indexes,
ascending, descending and of array elements, within each collection; ``fieldOverrides`` change that. Queries with only
equality filters need no others, because indexes with the same order are merged. A query that also has an order or a
range needs indexes that contain its orders, in their directions, after fields that it compares by equality, and that
together contain all of those fields. https://firebase.google.com/docs/firestore/query-data/index-overview

An index is not read backwards: the same query in descending order needs an index of its own (the same page), and so
does one with ``limitToLast``, which clients send in descending order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photofinish_emulators.common.rpc_errors import Refused, failed_precondition
from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.firestore.nearest import Nearest
from photofinish_emulators.firestore.paths import FieldPath, format_field_path, parse_field_path
from photofinish_emulators.firestore.queries import NAME, Conjunction, Op, Order, Query

COLLECTION = "COLLECTION"
COLLECTION_GROUP = "COLLECTION_GROUP"
ASCENDING = "ASCENDING"
DESCENDING = "DESCENDING"
CONTAINS = "CONTAINS"
_EVERY_FIELD: FieldPath = ("*",)
_AUTOMATIC = frozenset({(ASCENDING, COLLECTION), (DESCENDING, COLLECTION), (CONTAINS, COLLECTION)})


@dataclass(frozen=True, slots=True)
class _Column:
    path: FieldPath
    mode: str


@dataclass(frozen=True, slots=True)
class _Needed:
    """The columns that an index, or several merged ones, must have for one disjunct."""

    equal: frozenset[_Column]
    """Compared by equality (always ascending here, because the direction does not matter) or array element."""
    orders: tuple[_Column, ...]
    """Ends with the name."""
    aggregated: frozenset[FieldPath]
    """Columns between the last order and the name, in any sequence and direction."""

    def ends(self, columns: tuple[_Column, ...]) -> int | None:
        """How many of ``columns`` come before those that order results; None: they do not end in them."""
        *orders, name = self.orders
        length = len(columns) - len(self.orders) - len(self.aggregated)
        ordered, aggregated = (
            columns[max(length, 0) : -1 - len(self.aggregated)],
            columns[-1 - len(self.aggregated) : -1],
        )
        if length < 0 or list(ordered) != orders or {column.path for column in aggregated} != self.aggregated:
            return None
        if any(column.mode not in (ASCENDING, DESCENDING) for column in aggregated):
            return None
        return length if columns[-1] == name or (self.aggregated and columns[-1].path == NAME) else None


class CompositeIndexes:
    """The indexes of a file, which is read again if a query has no index and the file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read()

    def check(self, query: Query) -> None:
        """Refuse a query that has no index.

        Raises:
            Refused: FAILED_PRECONDITION, naming the fields of the index.
        """
        try:
            self._check(query)
        except Refused:
            if self._path.stat().st_mtime_ns == self._changed_ns:
                raise
            try:
                self._read()
            except CannotServe as error:
                raise failed_precondition(str(error)) from error
            self._check(query)

    def _read(self) -> None:
        try:
            self._changed_ns = self._path.stat().st_mtime_ns
            definition = json.loads(self._path.read_text())
            self._composite: dict[tuple[str, str], list[tuple[_Column, ...]]] = {}
            for index in definition.get("indexes", []):
                columns = tuple(map(_column, index["fields"]))
                key = (index["collectionGroup"], index.get("queryScope", COLLECTION))
                self._composite.setdefault(key, []).append(_with_name(columns))
            self._single: dict[tuple[str, FieldPath], frozenset[tuple[str, str]]] = {}
            for override in definition.get("fieldOverrides", []):
                path = _EVERY_FIELD if override["fieldPath"] == "*" else parse_field_path(override["fieldPath"])
                self._single[override["collectionGroup"], path] = frozenset(
                    (_mode(index), index.get("queryScope", COLLECTION)) for index in override.get("indexes", [])
                )
        except OSError as error:
            raise CannotServe(f"{self._path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError, Refused) as error:
            raise CannotServe(f"{self._path} is not a valid Firestore index file: {error!r}") from error

    def _check(self, query: Query) -> None:
        if not query.collection_id:
            return
        if query.nearest is not None:
            self._check_vector(query, query.nearest)
            return
        for conjunction in query.disjuncts:
            needed = _needed(query, conjunction)
            if not self._have(query, needed):
                raise self._refusal(query, needed)

    def _check_vector(self, query: Query, nearest: Nearest) -> None:
        """A vector search needs an index with the filters' fields and then the vector, of the same dimension."""
        vector = _Column(nearest.path, _vector_mode(nearest.dimension))
        for conjunction in query.disjuncts:
            before = {condition.path for condition in conjunction if condition.path != NAME}
            indexes = self._composite.get((query.collection_id, _scope(query)), [])
            if not any(
                columns[-2:-1] == (vector,) and {column.path for column in columns[:-2]} == before
                for columns in indexes
            ):
                fields: list[dict[str, object]] = [
                    {"fieldPath": format_field_path(path), "order": ASCENDING} for path in sorted(before)
                ]
                config = {"dimension": nearest.dimension, "flat": {}}
                fields.append({"fieldPath": format_field_path(nearest.path), "vectorConfig": config})
                index = {"collectionGroup": query.collection_id, "queryScope": _scope(query), "fields": fields}
                raise failed_precondition(
                    f'Missing vector index configuration. Add it to "indexes" of {self._path.name}: {json.dumps(index)}'
                )

    def _have(self, query: Query, needed: _Needed) -> bool:
        scope = _scope(query)
        if needed.orders == (_Column(NAME, ASCENDING),) and not needed.equal and not needed.aggregated:
            return True
        found: set[_Column] = set()
        if len(needed.orders) == 1 and not needed.aggregated:
            # every single-field index is ordered by its field and then by name
            found |= {column for column in needed.equal if self._is_automatic(query, column)}
        elif not needed.equal and self._single_field_orders(query, needed):
            return True
        for columns in self._composite.get((query.collection_id, scope), []):
            before = needed.ends(columns)
            if before is not None:
                equal = {_undirected(column) for column in columns[:before]}
                if equal == needed.equal:
                    return True
                if equal <= needed.equal:
                    found |= equal
        return bool(found) and found == needed.equal

    def _single_field_orders(self, query: Query, needed: _Needed) -> bool:
        """Whether an automatic index has the only field that orders results, or that is aggregated."""
        if len(needed.orders) == 2 and not needed.aggregated:
            return needed.orders[0].mode == needed.orders[1].mode and self._is_automatic(query, needed.orders[0])
        if len(needed.orders) == 1 and len(needed.aggregated) == 1:
            (path,) = needed.aggregated
            return any(self._is_automatic(query, _Column(path, mode)) for mode in (ASCENDING, DESCENDING))
        return False

    def _is_automatic(self, query: Query, column: _Column) -> bool:
        for length in range(len(column.path), 0, -1):  # a map's fields inherit its override
            modes = self._single.get((query.collection_id, column.path[:length]))
            if modes is not None:
                break
        else:
            modes = self._single.get((query.collection_id, _EVERY_FIELD), _AUTOMATIC)
        return (column.mode, _scope(query)) in modes

    def _refusal(self, query: Query, needed: _Needed) -> Refused:
        *orders, name = needed.orders
        columns = [
            *sorted(needed.equal, key=lambda column: (column.mode == CONTAINS, column.path)),
            *orders,
            *(_Column(path, name.mode) for path in sorted(needed.aggregated)),
            name,
        ]
        if columns[-1].mode == (columns[-2].mode if len(columns) > 1 and columns[-2].mode != CONTAINS else ASCENDING):
            columns.pop()
        fields = [
            {
                "fieldPath": format_field_path(column.path),
                **({"arrayConfig": CONTAINS} if column.mode == CONTAINS else {"order": column.mode}),
            }
            for column in columns
        ]
        if len(columns) == 1 and columns[0].path != NAME:
            kind = "fieldOverrides"
            index: dict[str, object] = {
                "collectionGroup": query.collection_id,
                "fieldPath": fields[0].pop("fieldPath"),
                "indexes": [{**fields[0], "queryScope": _scope(query)}],
            }
        else:
            kind = "indexes"
            index = {"collectionGroup": query.collection_id, "queryScope": _scope(query), "fields": fields}
        return failed_precondition(
            f'The query requires an index. Add it to "{kind}" of {self._path.name}: {json.dumps(index)}'
        )


def _column(field: dict[str, Any]) -> _Column:
    path = NAME if field["fieldPath"] == NAME[0] else parse_field_path(field["fieldPath"])
    return _Column(path, _mode(field))


def _mode(index: dict[str, Any]) -> str:
    if "vectorConfig" in index:
        return _vector_mode(int(index["vectorConfig"]["dimension"]))
    mode: str = index.get("order") or index.get("arrayConfig") or "no order"
    if mode not in (ASCENDING, DESCENDING, CONTAINS):
        raise ValueError(f"order {mode!r}")
    return mode


def _vector_mode(dimension: int) -> str:
    return f"VECTOR of {dimension}"


def _with_name(columns: tuple[_Column, ...]) -> tuple[_Column, ...]:
    """Append the name, which every index has as its last column, in the direction of the column before."""
    if columns[-1].path == NAME:
        return columns
    return (*columns, _Column(NAME, DESCENDING if columns[-1].mode == DESCENDING else ASCENDING))


def _undirected(column: _Column) -> _Column:
    return _Column(column.path, ASCENDING) if column.mode == DESCENDING else column


def _scope(query: Query) -> str:
    return COLLECTION_GROUP if query.all_descendants else COLLECTION


def _needed(query: Query, conjunction: Conjunction) -> _Needed:
    equal = {condition.path for condition in conjunction if condition.op is Op.EQUAL and condition.path != NAME}
    columns = {_Column(path, ASCENDING) for path in equal}
    columns |= {_Column(condition.path, CONTAINS) for condition in conjunction if condition.op is Op.CONTAINS}
    # Ordering by a field that is equal in all results has no effect.
    orders = [_order_column(order) for order in query.orders if order.path not in equal | query.aggregated]
    aggregated = query.aggregated - equal
    if len(orders) == 1 and columns and not aggregated:  # after an equality, names are stored in both directions
        orders = [_Column(NAME, ASCENDING)]
    return _Needed(frozenset(columns), tuple(orders), aggregated)


def _order_column(order: Order) -> _Column:
    return _Column(order.path, DESCENDING if order.descending else ASCENDING)
