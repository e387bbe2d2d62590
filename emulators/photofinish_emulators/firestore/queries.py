"""Queries in normal form: which documents they select, and in which order. Pure functions, no storage.

``Query.selects`` and ``Query.sort_key`` define membership and order; every way of executing a query follows them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from photofinish_emulators.firestore import values
from photofinish_emulators.firestore.documents import StoredDocument
from photofinish_emulators.firestore.nearest import Nearest
from photofinish_emulators.firestore.paths import (
    DOCUMENT_ID,
    FieldPath,
    Name,
)
from photofinish_emulators.firestore.protos import Message
from photofinish_emulators.firestore.values import AFTER, ENCODED_NAN, ENCODED_NULL, complement, encode

NAME: FieldPath = (DOCUMENT_ID,)
_END_OF_NAME = b"\x00"  # makes names self-delimiting: a document's key is a prefix of the keys below it


class Op(Enum):
    """A comparison of a field with an operand; ``in``, ``not-in`` and ``array-contains-any`` are split into these."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    CONTAINS = "array-contains"

    @property
    def is_range(self) -> bool:
        return self in (Op.LESS, Op.LESS_OR_EQUAL, Op.GREATER, Op.GREATER_OR_EQUAL)

    @property
    def is_inequality(self) -> bool:
        return self.is_range or self is Op.NOT_EQUAL


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """``path op operand``; the operand is an encoded value, or for ``__name__`` a document's key."""

    path: FieldPath
    op: Op
    operand: bytes
    value: Message | None = field(default=None, compare=False, repr=False)
    """The operand as the request has it, for security rules."""

    def matches(self, document: StoredDocument) -> bool:
        if self.path == NAME:
            return self._compares(document.key)
        value = values.field(document.fields, self.path)
        if value is None:
            return False
        if self.op is Op.CONTAINS:
            return value.WhichOneof("value_type") == "array_value" and any(
                encode(element) == self.operand for element in value.array_value.values
            )
        encoded = encode(value)
        if self.op is Op.NOT_EQUAL:
            return encoded not in (self.operand, ENCODED_NULL)
        if self.op is Op.EQUAL:
            return encoded == self.operand
        # NaN is neither less nor greater than anything, although it comes first when results are ordered.
        return encoded[0] == self.operand[0] and encoded != ENCODED_NAN and self._compares(encoded)

    def _compares(self, encoded: bytes) -> bool:
        return _COMPARISONS[self.op](encoded, self.operand)


_COMPARISONS: dict[Op, Callable[[bytes, bytes], bool]] = {
    Op.EQUAL: bytes.__eq__,
    Op.NOT_EQUAL: bytes.__ne__,
    Op.LESS: bytes.__lt__,
    Op.LESS_OR_EQUAL: bytes.__le__,
    Op.GREATER: bytes.__gt__,
    Op.GREATER_OR_EQUAL: bytes.__ge__,
}


@dataclass(frozen=True, slots=True)
class Order:
    path: FieldPath
    descending: bool

    def flipped(self) -> Order:
        return Order(self.path, not self.descending)


@dataclass(frozen=True, slots=True)
class Bound:
    """A position in the order of results: before or after all results that start with certain values."""

    operands: tuple[bytes, ...]
    """Encoded values for the first orders, names as keys; always in ascending form."""
    before: bool

    def cut(self, orders: tuple[Order, ...]) -> bytes:
        """The position as a sort key: it is greater than the keys of all results before the position."""
        parts = (
            encode_order(encode_name(operand) if order.path == NAME else operand, order.descending)
            for operand, order in zip(self.operands, orders, strict=False)
        )
        return b"".join(parts) + (b"" if self.before else AFTER)


Conjunction = tuple[FieldFilter, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """Selects documents, orders them, and limits them to a range."""

    database_key: bytes
    parent: Name
    parent_key: bytes
    collection_key: bytes
    """The key of the collection that is read, unless the query is over all descendants."""
    collection_id: str
    """Empty: documents of every collection below ``parent``."""
    all_descendants: bool
    disjuncts: tuple[Conjunction, ...]
    """A document matches if it passes all filters of one of them."""
    orders: tuple[Order, ...]
    """Complete: ends with ``__name__``."""
    start: Bound | None = None
    end: Bound | None = None
    start_cut: bytes | None = None
    """``start`` as a sort key."""
    end_cut: bytes | None = None
    offset: int = 0
    limit: int | None = None
    select: tuple[FieldPath, ...] | None = None
    aggregated: frozenset[FieldPath] = frozenset()
    """Those of ``orders`` that were added for aggregations; an index may have them in any sequence and direction."""
    nearest: Nearest | None = None
    """Keep only the results whose vectors are nearest to one; `RunQuery` does."""

    @property
    def windowed(self) -> bool:
        """Whether the membership of a document depends on other documents."""
        return self.limit is not None or self.offset > 0

    def covers(self, document: StoredDocument) -> bool:
        """Whether the document is in a collection that the query reads."""
        if not self.all_descendants:
            return document.collection == self.collection_key
        if not document.collection.startswith(self.parent_key):
            return False
        return not self.collection_id or document.collection_id == self.collection_id

    def passes(self, document: StoredDocument) -> bool:
        """Whether the document passes the filters, in any collection."""
        return any(all(condition.matches(document) for condition in conjunction) for conjunction in self.disjuncts)

    def sort_key(self, document: StoredDocument) -> bytes | None:
        """The document's position in the order of results; None if it lacks a field of the orders."""
        parts = []
        for order in self.orders:
            if order.path == NAME:
                parts.append(encode_order(encode_name(document.key), order.descending))
                continue
            value = values.field(document.fields, order.path)
            if value is None:
                return None
            parts.append(encode_order(encode(value), order.descending))
        return b"".join(parts)

    def within_bounds(self, sort_key: bytes) -> bool:
        return (self.start_cut is None or sort_key >= self.start_cut) and (
            self.end_cut is None or sort_key < self.end_cut
        )

    def selects(self, document: StoredDocument) -> bytes | None:
        """The sort key if the document is a result, ignoring offset and limit; otherwise None."""
        if not self.covers(document) or not self.passes(document):
            return None
        sort_key = self.sort_key(document)
        return sort_key if sort_key is not None and self.within_bounds(sort_key) else None


def encode_order(encoded: bytes, descending: bool) -> bytes:
    return complement(encoded) if descending else encoded


def encode_name(key: bytes) -> bytes:
    """A document's key as the last part of a sort key."""
    return key + _END_OF_NAME
