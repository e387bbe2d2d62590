"""Executes queries: with an index if there are many documents, by reading all of them if there are few.

Indexes are built when a query first needs them and updated by every later write; up to ``SCAN_LIMIT`` documents,
reading all of them costs less than an index.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

from photofinish_emulators.firestore.documents import StoredDocument, View
from photofinish_emulators.firestore.indexes import Index, IndexRange, range_of
from photofinish_emulators.firestore.queries import NAME, Query, encode_name
from photofinish_emulators.firestore.values import AFTER

SCAN_LIMIT = 200
_Found = tuple[bytes, StoredDocument]
_BY_NAME = "SELECT NULL, collection, id, data FROM documents WHERE collection = ? AND id >= ? AND id < ? ORDER BY id"
_BY_ENTRY = (
    "SELECT e.key, d.collection, d.id, d.data FROM entries e JOIN documents d ON d.doc = e.doc"
    " WHERE e.number = ? AND e.key >= ? AND e.key < ? ORDER BY e.key"
)


def run(view: View, query: Query) -> Iterator[StoredDocument]:
    """The results in order, within offset and limit; not projected."""
    found = (document for _, document in _found(view, query))
    return itertools.islice(found, query.offset, None if query.limit is None else query.offset + query.limit)


def count(view: View, query: Query, up_to: int | None = None) -> int:
    """The number of results of :func:`run`, at most ``up_to``."""
    limits = [limit for limit in (query.limit, up_to) if limit is not None]
    limit = min(limits) if limits else None
    plan = _plan(view, query)
    if plan is not None and len(plan) == 1 and plan[0][1].exact:
        number, index_range = plan[0]
        return _count_range(view, query, number, index_range, limit)
    found = itertools.islice(_found(view, query), query.offset, None if limit is None else query.offset + limit)
    return sum(1 for _ in found)


def changed_since(view: View, query: Query, time_us: int) -> bool:
    """Whether a commit after ``time_us`` changed a document in a collection that the query reads."""
    return view.anything_changed_since(time_us, _collections(view, query))


def missing_indexes(view: View, query: Query) -> list[Index]:
    """The indexes that the query needs and that have not been built."""
    if not query.collection_id or view.at_us is not None or _is_small(view, query):
        return []
    needed = {range_of(query, conjunction).index for conjunction in query.disjuncts}
    return [
        index
        for index in needed
        if not _is_name_order(index) and view.index_number(index.collection_id, index.definition) is None
    ]


def _is_name_order(index: Index) -> bool:
    """Whether the index is the documents of one collection by name, as the table itself is ordered."""
    return not index.fields and not index.group


def _collections(view: View, query: Query) -> list[bytes]:
    if not query.all_descendants:
        return [query.collection_key]
    collections = view.collections(query.parent_key, query.collection_id)
    if query.orders[0].path == NAME and not query.orders[0].descending:  # a range of names is in few collections
        low = query.start.operands[0] if query.start is not None and query.start.operands else b""
        high = query.end.operands[0] if query.end is not None and query.end.operands else AFTER
        collections = [key for key in collections if key + AFTER > low and key <= high]
    return collections


def _is_small(view: View, query: Query) -> bool:
    documents = 0
    for collection in _collections(view, query):
        documents += view.count_up_to(collection, SCAN_LIMIT + 1)
        if documents > SCAN_LIMIT:
            return False
    return True


def _plan(view: View, query: Query) -> list[tuple[int, IndexRange]] | None:
    """For every disjunct the number of an index (0: the table itself) and a range of it; None: read everything."""
    if not query.collection_id or view.at_us is not None or _is_small(view, query):
        return None
    plan = []
    for conjunction in query.disjuncts:
        found = range_of(query, conjunction)
        number = 0 if _is_name_order(found.index) else view.index_number(query.collection_id, found.index.definition)
        if number is None:
            return None
        plan.append((number, found))
    return plan


def _found(view: View, query: Query) -> Iterator[_Found]:
    """All results in order, ignoring offset and limit."""
    if view.at_us is not None and not view.anything_changed_since(view.at_us, _collections(view, query)):
        view = view.now()
    plan = _plan(view, query)
    if plan is None:
        return _by_reading_all(view, query)
    streams = [_read_range(view, query, number, index_range) for number, index_range in plan]
    if len(streams) == 1:
        return streams[0]
    return _without_repeats(heapq.merge(*streams, key=lambda found: found[0], reverse=plan[0][1].backwards))


def _by_reading_all(view: View, query: Query) -> Iterator[_Found]:
    found = []
    for collection in _collections(view, query):
        for document in view.scan(collection):
            sort_key = query.selects(document)
            if sort_key is not None:
                found.append((sort_key, document))
    found.sort(key=lambda pair: pair[0])
    return iter(found)


def _read_range(view: View, query: Query, number: int, index_range: IndexRange) -> Iterator[_Found]:
    descending = " DESC" if index_range.backwards else ""
    if number == 0:
        rows = view.rows(_BY_NAME + descending, (query.collection_key, *_id_range(query, index_range)))
    else:
        rows = view.rows(_BY_ENTRY + descending, (number, index_range.low, index_range.high))
    for key, collection, id, data in rows:
        document = StoredDocument(collection, id, data)
        if index_range.exact or query.selects(document) is not None:
            yield encode_name(id) if key is None else key[index_range.skip :], document


def _count_range(view: View, query: Query, number: int, index_range: IndexRange, limit: int | None) -> int:
    last = -1 if limit is None else query.offset + limit
    if number == 0:
        low, high = _id_range(query, index_range)
        table, where = "documents", "collection = ? AND id >= ? AND id < ?"
        bounds: tuple[object, ...] = (query.collection_key, low, high, last)
    else:
        table, where = "entries", "number = ? AND key >= ? AND key < ?"
        bounds = (number, index_range.low, index_range.high, last)
    row = view.connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where} LIMIT ?)",  # noqa: S608 - constant text
        bounds,
    ).fetchone()
    return max(0, int(row[0]) - query.offset)


def _id_range(query: Query, index_range: IndexRange) -> tuple[bytes, bytes]:
    """The range of ids in the table, where they have no end mark."""
    low, high = (_without_end_mark(cut[len(query.collection_key) :]) for cut in (index_range.low, index_range.high))
    return low, high


def _without_end_mark(cut: bytes) -> bytes:
    """A cut before ``id·00`` becomes one before ``id``; a cut after it (``id·00·ff``) becomes one before ``id·00``."""
    return cut if cut in (b"", AFTER) else cut[:-1]


def _without_repeats(found: Iterator[_Found]) -> Iterator[_Found]:
    """Drop repeated documents: one that matches several disjuncts has the same sort key in each."""
    last = None
    for sort_key, document in found:
        if sort_key != last:
            last = sort_key
            yield sort_key, document
