"""The RPCs of ``google.firestore.v1.Firestore`` that read: from a request message to response messages.

They do not depend on gRPC and raise `Refused`, so that another server can offer them to browsers (WebChannel, REST).
Each has the caller's `Access`, which judges what is read in the snapshot that it is read from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

from photofinish_emulators.common.rpc_errors import failed_precondition, invalid, not_found, unimplemented
from photofinish_emulators.firestore import aggregation, execution, listing, partitions
from photofinish_emulators.firestore.access import Access
from photofinish_emulators.firestore.documents import StoredDocument
from photofinish_emulators.firestore.listen import ListenStream
from photofinish_emulators.firestore.nearest import nearest, with_distance
from photofinish_emulators.firestore.paths import database_key, document_name, mask_paths, name_key, parent_name
from photofinish_emulators.firestore.planner import Planner
from photofinish_emulators.firestore.protos import (
    BatchGetDocumentsResponse,
    ListCollectionIdsResponse,
    ListDocumentsResponse,
    Message,
    PartitionQueryResponse,
    RunAggregationQueryResponse,
    RunQueryResponse,
    check_time,
    timestamp,
)
from photofinish_emulators.firestore.queries import Query
from photofinish_emulators.firestore.query_parsing import parse_query
from photofinish_emulators.firestore.store import DocumentStore, Snapshot
from photofinish_emulators.firestore.targets import Listeners
from photofinish_emulators.firestore.transaction_reads import read_document, read_results, remember, versions
from photofinish_emulators.firestore.transactions import Transaction, Transactions

_RESULTS_PER_TURN = 100
"""Results after which other requests get a turn on the event loop."""


class ReadService:
    """One object serves all databases of a store."""

    def __init__(self, store: DocumentStore, planner: Planner, transactions: Transactions) -> None:
        self._store = store
        self._planner = planner
        self._transactions = transactions
        self._listeners = Listeners(store)

    async def get_document(self, request: Message, access: Access) -> Message:
        name = document_name(request.name)
        transaction = self._transaction(request)
        async with self._read(request, transaction, [name_key(name)]) as snapshot:
            document = read_document(snapshot.view, name, transaction)
            access.check_get(snapshot.view, name, document)
        if document is None:
            raise not_found(f'Document "{request.name}" not found.')
        return document.projected(mask_paths(request))

    async def batch_get_documents(self, request: Message, access: Access) -> AsyncGenerator[Message]:
        database_key(request.database)
        mask = mask_paths(request)
        names = [document_name(name, request.database) for name in dict.fromkeys(request.documents)]
        transaction = self._transaction(request)
        async with self._read(request, transaction, map(name_key, names)) as snapshot:
            found = [(name, read_document(snapshot.view, name, transaction)) for name in names]
            for name, document in found:
                access.check_get(snapshot.view, name, document)
        read_time = timestamp(snapshot.time_us)
        if request.HasField("new_transaction") and transaction is not None:
            yield BatchGetDocumentsResponse(transaction=transaction.id, read_time=read_time)
        for name, document in found:
            if document is None:
                yield BatchGetDocumentsResponse(missing=str(name), read_time=read_time)
            else:
                yield BatchGetDocumentsResponse(found=document.projected(mask), read_time=read_time)

    async def list_documents(self, request: Message, access: Access) -> Message:
        if request.show_missing and request.order_by:
            raise invalid("show_missing cannot be combined with order_by.")
        if request.show_missing:
            access.check_metadata()
        query = listing.documents_query(request)
        self._planner.check(query)
        await self._planner.prepare(query)
        mask = mask_paths(request)
        transaction = self._transaction(request)
        async with self._read(request, transaction, [query.collection_key]) as snapshot:
            access.check_query(snapshot.view, query)
            page = listing.documents_page(snapshot.view, query, request)
            if transaction is not None:
                remember(
                    transaction,
                    query,
                    lambda view: versions(listing.documents_page(view, query, request)),
                    versions(page),
                )
        return ListDocumentsResponse(
            documents=[document.projected(mask) for document in page[: listing.page_size(request)]],
            next_page_token=listing.next_token(query, page, request),
        )

    async def list_collection_ids(self, request: Message, access: Access) -> Message:
        access.check_metadata()
        parent = parent_name(request.parent)
        size = listing.page_size(request)
        async with self._read(request, None, []) as snapshot:
            ids = listing.collection_ids(snapshot.view, parent, after=request.page_token, limit=size + 1)
        return ListCollectionIdsResponse(
            collection_ids=ids[:size], next_page_token=ids[size - 1] if len(ids) > size else ""
        )

    async def run_query(self, request: Message, access: Access) -> AsyncGenerator[Message]:
        _refuse_explain(request)
        query = self._planner.parse(request.parent, request.structured_query, may_search=True)
        await self._planner.prepare(query)
        transaction = self._transaction(request)
        async with self._read(request, transaction, [query.collection_key]) as snapshot:
            access.check_query(snapshot.view, query)
            read_time = timestamp(snapshot.time_us)
            response = RunQueryResponse(read_time=read_time, transaction=_id_if_new(request, transaction))
            if query.offset:
                response.skipped_results = execution.count(
                    snapshot.view, replace(query, offset=0, limit=None), up_to=query.offset
                )
            results = 0
            for document in _messages(query, read_results(snapshot.view, query, transaction)):
                response.document.CopyFrom(document)
                yield response
                response = RunQueryResponse(read_time=read_time)
                results += 1
                if results % _RESULTS_PER_TURN == 0:
                    await asyncio.sleep(0)
            if not results:
                yield response

    async def run_aggregation_query(self, request: Message, access: Access) -> AsyncGenerator[Message]:
        _refuse_explain(request)
        structured = request.structured_aggregation_query
        aggregations = aggregation.parse_aggregations(list(structured.aggregations))
        query = aggregation.over(parse_query(request.parent, structured.structured_query), aggregations)
        self._planner.check(query)
        await self._planner.prepare(query)
        transaction = self._transaction(request)
        async with self._read(request, transaction, [query.collection_key]) as snapshot:
            access.check_query(snapshot.view, query)
            result = aggregation.aggregate(snapshot.view, query, aggregations)
            if transaction is not None:
                remember(transaction, query, lambda view: aggregation.aggregate(view, query, aggregations), result)
        yield RunAggregationQueryResponse(
            result=result,
            read_time=timestamp(snapshot.time_us),
            transaction=_id_if_new(request, transaction),
        )

    async def partition_query(self, request: Message, access: Access) -> Message:
        access.check_metadata()
        query = parse_query(request.parent, request.structured_query)
        partitions.check(query, request.partition_count)
        size = request.page_size or request.partition_count
        first = listing.read_number(request.page_token)
        async with self._read(request, None, []) as snapshot:
            points = partitions.points(snapshot.view, query, request.partition_count)
        return PartitionQueryResponse(
            partitions=points[first : first + size],
            next_page_token=str(first + size) if len(points) > first + size else "",
        )

    async def execute_pipeline(self, request: Message, _: Access) -> AsyncGenerator[Message]:
        # What the real service says for a Standard edition database, as t-k/fireemu on GitHub recorded it.
        raise failed_precondition(
            "Pipeline Operations are only available for Firestore databases in Enterprise edition.\n\n"
            "Please switch to an Enterprise edition database to take advantage of such functionality."
        )
        yield request  # makes this a stream

    def listen(self, requests: AsyncIterator[Message], access: Access) -> AsyncGenerator[Message]:
        return ListenStream(self._listeners, self._planner, access).responses(requests)

    def _transaction(self, request: Message) -> Transaction | None:
        """The transaction that a read belongs to, begun here if the request asks for a new one."""
        selector = request.WhichOneof("consistency_selector")
        if selector == "transaction":
            return self._transactions.get(request.transaction)
        if selector == "new_transaction":
            return self._transactions.begin(request.new_transaction)
        return None

    @asynccontextmanager
    async def _read(
        self, request: Message, transaction: Transaction | None, keys: Iterable[bytes]
    ) -> AsyncIterator[Snapshot]:
        """A snapshot for reading ``keys``: at the transaction's time, the request's read time, or now."""
        await self._transactions.reading(transaction, keys)
        at_us = None
        if transaction is not None:
            if not transaction.read_only or transaction.at_us is None:
                with self._store.snapshot() as snapshot:
                    transaction.read_at(snapshot)
            at_us = transaction.at_us
        elif request.WhichOneof("consistency_selector") == "read_time":
            at_us = check_time(request.read_time)
        with self._store.snapshot(at_us) as snapshot:
            yield snapshot


def _messages(query: Query, documents: Iterator[StoredDocument]) -> Iterator[Message]:
    """The results as the client gets them."""
    if query.nearest is None:
        for document in documents:
            yield document.projected(query.select)
        return
    for document, distance in nearest(documents, query.nearest):
        yield with_distance(document.projected(query.select), query.nearest.result_path, distance)


def _refuse_explain(request: Message) -> None:
    if request.HasField("explain_options"):
        raise unimplemented("Query explain is not served: plans and costs here are not those of the cloud.")


def _id_if_new(request: Message, transaction: Transaction | None) -> bytes:
    return transaction.id if transaction is not None and request.HasField("new_transaction") else b""
