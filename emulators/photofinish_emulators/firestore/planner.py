"""Queries on their way to execution: parsed, allowed by the composite indexes there are, their own indexes built."""

from __future__ import annotations

from photofinish_emulators.firestore import execution
from photofinish_emulators.firestore.composite_indexes import CompositeIndexes
from photofinish_emulators.firestore.queries import Query
from photofinish_emulators.firestore.query_parsing import parse_query
from photofinish_emulators.firestore.store import DocumentStore
from photofinish_emulators.firestore.wire import Message


class Planner:
    """``composite_indexes`` None: queries need none."""

    def __init__(self, store: DocumentStore, composite_indexes: CompositeIndexes | None) -> None:
        self._store = store
        self._composite_indexes = composite_indexes

    def parse(self, parent: str, query: Message) -> Query:
        """The query in normal form.

        Raises:
            Refused: INVALID_ARGUMENT; FAILED_PRECONDITION if it needs a composite index that is not defined.
        """
        parsed = parse_query(parent, query)
        self.check(parsed)
        return parsed

    def check(self, query: Query) -> None:
        """Refuse a query that needs a composite index that is not defined."""
        if self._composite_indexes is not None:
            self._composite_indexes.check(query)

    async def prepare(self, query: Query) -> None:
        """Build what the query needs to be fast."""
        with self._store.snapshot() as snapshot:
            missing = execution.missing_indexes(snapshot.view, query)
        for index in missing:
            await self._store.build_index(index)
