"""Prepares queries for execution: parses them, checks composite indexes, builds the server's own indexes."""

from __future__ import annotations

from photofinish_emulators.firestore import execution
from photofinish_emulators.firestore.composite_indexes import CompositeIndexes
from photofinish_emulators.firestore.protos import Message
from photofinish_emulators.firestore.queries import Query
from photofinish_emulators.firestore.query_parsing import parse_query
from photofinish_emulators.firestore.store import DocumentStore


class Planner:
    """Without ``composite_indexes``, no query needs one."""

    def __init__(self, store: DocumentStore, composite_indexes: CompositeIndexes | None) -> None:
        self._store = store
        self._composite_indexes = composite_indexes

    def parse(self, parent: str, query: Message, *, may_search: bool = False) -> Query:
        """Parse a query to its normal form.

        Raises:
            Refused: INVALID_ARGUMENT; FAILED_PRECONDITION if it needs a composite index that is not defined.
        """
        parsed = parse_query(parent, query, may_search=may_search)
        self.check(parsed)
        return parsed

    def check(self, query: Query) -> None:
        """Refuse a query that needs a composite index that is not defined."""
        if self._composite_indexes is not None:
            self._composite_indexes.check(query)

    async def prepare(self, query: Query) -> None:
        """Build the indexes that the query needs."""
        with self._store.snapshot() as snapshot:
            missing = execution.missing_indexes(snapshot.view, query)
        for index in missing:
            await self._store.build_index(index)
