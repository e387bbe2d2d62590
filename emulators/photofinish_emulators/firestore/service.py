"""The methods of ``google.firestore.v1.Firestore``: from a request message to response messages.

No transport: a method takes messages, gives messages and raises :class:`Refused`, so that gRPC (``server.py``) and
what a browser speaks (WebChannel, REST) can share them. Every write passes through ``_commit``, every read by name
through ``read_document``, every query through ``Planner.parse``: that is where security rules belong, for callers
without the owner's token.
"""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from photofinish_emulators.firestore import aggregation, execution, listing, partitions
from photofinish_emulators.firestore.commits import Commit
from photofinish_emulators.firestore.documents import StoredDocument, split_key
from photofinish_emulators.firestore.errors import Refused, invalid, not_found, unimplemented
from photofinish_emulators.firestore.listen import ListenStream
from photofinish_emulators.firestore.paths import (
    FieldPath,
    check_collection_id,
    database_key,
    document_name,
    name_key,
    parent_name,
    parse_field_path,
)
from photofinish_emulators.firestore.planner import Planner
from photofinish_emulators.firestore.query_parsing import parse_query
from photofinish_emulators.firestore.store import DocumentStore, Snapshot
from photofinish_emulators.firestore.targets import Listeners
from photofinish_emulators.firestore.transaction_reads import read_document, read_results, remember, versions
from photofinish_emulators.firestore.transactions import Transaction, Transactions
from photofinish_emulators.firestore.values import project
from photofinish_emulators.firestore.wire import (
    BatchGetDocumentsResponse,
    BatchWriteResponse,
    BeginTransactionResponse,
    CommitResponse,
    Document,
    Empty,
    ListCollectionIdsResponse,
    ListDocumentsResponse,
    Message,
    PartitionQueryResponse,
    RunAggregationQueryResponse,
    RunQueryResponse,
    Write,
    WriteResponse,
    check_time,
    timestamp,
)
from photofinish_emulators.firestore.writes import exists_precondition, parse_write

MAX_REQUEST_BYTES = 11_534_336
_BREATH = 100
"""Results after which other requests get a turn."""
_ID_LETTERS = string.ascii_letters + string.digits


class FirestoreService:
    """One object serves all databases of a store."""

    def __init__(self, store: DocumentStore, planner: Planner) -> None:
        self._store = store
        self._planner = planner
        self._transactions = Transactions()
        self._listeners = Listeners(store)

    # Reading

    async def get_document(self, request: Message) -> Message:
        name = document_name(request.name)
        transaction = self._transaction(request)
        async with self._read(request, transaction, [name_key(name)]) as snapshot:
            document = read_document(snapshot.view, name, transaction)
        if document is None:
            raise not_found(f'Document "{request.name}" not found.')
        return _masked(document, _mask(request))

    async def batch_get_documents(self, request: Message) -> AsyncGenerator[Message]:
        database_key(request.database)
        mask = _mask(request)
        names = [document_name(name, request.database) for name in dict.fromkeys(request.documents)]
        transaction = self._transaction(request)
        async with self._read(request, transaction, map(name_key, names)) as snapshot:
            found = [(name, read_document(snapshot.view, name, transaction)) for name in names]
        read_time = timestamp(snapshot.time_us)
        if request.HasField("new_transaction") and transaction is not None:
            yield BatchGetDocumentsResponse(transaction=transaction.id, read_time=read_time)
        for name, document in found:
            if document is None:
                yield BatchGetDocumentsResponse(missing=str(name), read_time=read_time)
            else:
                yield BatchGetDocumentsResponse(found=_masked(document, mask), read_time=read_time)

    async def list_documents(self, request: Message) -> Message:
        if request.show_missing and request.order_by:
            raise invalid("show_missing cannot be combined with order_by.")
        query = listing.documents_query(request)
        self._planner.check(query)
        await self._planner.prepare(query)
        mask = _mask(request)
        transaction = self._transaction(request)
        async with self._read(request, transaction, [query.collection_key]) as snapshot:
            page = listing.documents_page(snapshot.view, query, request)
            if transaction is not None:
                remember(
                    transaction,
                    query,
                    lambda view: versions(listing.documents_page(view, query, request)),
                    versions(page),
                )
        return ListDocumentsResponse(
            documents=[_masked(document, mask) for document in page[: listing.page_size(request)]],
            next_page_token=listing.next_token(query, page, request),
        )

    async def list_collection_ids(self, request: Message) -> Message:
        parent = parent_name(request.parent)
        size = listing.page_size(request)
        async with self._read(request, None, []) as snapshot:
            ids = listing.collection_ids(snapshot.view, parent, after=request.page_token, most=size + 1)
        return ListCollectionIdsResponse(
            collection_ids=ids[:size], next_page_token=ids[size - 1] if len(ids) > size else ""
        )

    async def run_query(self, request: Message) -> AsyncGenerator[Message]:
        _refuse_explain(request)
        query = self._planner.parse(request.parent, request.structured_query)
        await self._planner.prepare(query)
        transaction = self._transaction(request)
        async with self._read(request, transaction, [query.collection_key]) as snapshot:
            read_time = timestamp(snapshot.time_us)
            response = RunQueryResponse(read_time=read_time, transaction=_id_if_new(request, transaction))
            if query.offset:
                response.skipped_results = execution.count(
                    snapshot.view, replace(query, offset=0, limit=None), up_to=query.offset
                )
            results = 0
            for document in read_results(snapshot.view, query, transaction):
                response.document.CopyFrom(_masked(document, query.select))
                yield response
                response = RunQueryResponse(read_time=read_time)
                results += 1
                if results % _BREATH == 0:
                    await asyncio.sleep(0)
            if not results:
                yield response

    async def run_aggregation_query(self, request: Message) -> AsyncGenerator[Message]:
        _refuse_explain(request)
        structured = request.structured_aggregation_query
        aggregations = aggregation.parse_aggregations(list(structured.aggregations))
        query = aggregation.over(parse_query(request.parent, structured.structured_query), aggregations)
        self._planner.check(query)
        await self._planner.prepare(query)
        transaction = self._transaction(request)
        async with self._read(request, transaction, [query.collection_key]) as snapshot:
            result = aggregation.aggregate(snapshot.view, query, aggregations)
            if transaction is not None:
                remember(transaction, query, lambda view: aggregation.aggregate(view, query, aggregations), result)
        yield RunAggregationQueryResponse(
            result=result,
            read_time=timestamp(snapshot.time_us),
            transaction=_id_if_new(request, transaction),
        )

    async def partition_query(self, request: Message) -> Message:
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

    async def execute_pipeline(self, request: Message) -> AsyncGenerator[Message]:
        raise unimplemented("Pipelines belong to Firestore's Enterprise edition; this server is a Standard one.")
        yield request  # makes this a stream

    def listen(self, requests: AsyncIterator[Message]) -> AsyncGenerator[Message]:
        return ListenStream(self._listeners, self._planner).responses(requests)

    # Writing

    async def commit(self, request: Message) -> Message:
        _check_size(request)
        transaction = self._transactions.get(request.transaction) if request.transaction else None
        outcome = await self._commit(request.database, request.writes, transaction)
        return CommitResponse(write_results=outcome.results, commit_time=timestamp(outcome.time_us))

    async def batch_write(self, request: Message) -> Message:
        _check_size(request)
        outcome = await self._commit(request.database, request.writes, None, atomic=False)
        response = BatchWriteResponse()
        for result in outcome.results:
            if isinstance(result, Refused):
                response.write_results.add()
                response.status.add(code=result.number, message=result.message)
            else:
                response.write_results.append(result)
                response.status.add()
        return response

    async def create_document(self, request: Message) -> Message:
        id = request.document_id or "".join(secrets.choice(_ID_LETTERS) for _ in range(20))
        name = parent_name(request.parent).child(check_collection_id(request.collection_id), id)
        write = Write(update=Document(name=str(name), fields=request.document.fields))
        write.current_document.CopyFrom(exists_precondition(False))
        return await self._write_one(name.database, write, _mask(request))

    async def update_document(self, request: Message) -> Message:
        name = document_name(request.document.name)
        write = Write(update=Document(name=str(name), fields=request.document.fields))
        if request.HasField("update_mask"):
            write.update_mask.CopyFrom(request.update_mask)
        if request.HasField("current_document"):
            write.current_document.CopyFrom(request.current_document)
        return await self._write_one(name.database, write, _mask(request))

    async def delete_document(self, request: Message) -> Message:
        write = Write(delete=request.name)
        if request.HasField("current_document"):
            write.current_document.CopyFrom(request.current_document)
        await self._commit(document_name(request.name).database, [write], None)
        return Empty()

    async def write(self, requests: AsyncIterator[Message]) -> AsyncGenerator[Message]:
        """Commits over one stream, each answered before the next is taken; a refused one ends the stream.

        The first request opens the stream and writes nothing. Tokens only have to be given back: every answer stands
        for a commit on disk, and what was not answered the client sends again on its next stream.
        """
        database, answered = "", 0
        async for request in requests:
            if not answered:
                database = request.database
                database_key(database)
                if request.writes:
                    raise invalid("The first request of a write stream must not have writes.")
                response = WriteResponse(stream_id=secrets.token_hex(8))
            else:
                _check_size(request)
                outcome = await self._commit(database, request.writes, None)
                response = WriteResponse(write_results=outcome.results, commit_time=timestamp(outcome.time_us))
            answered += 1
            response.stream_token = answered.to_bytes(8, "big")
            yield response

    async def begin_transaction(self, request: Message) -> Message:
        database_key(request.database)
        transaction = self._transactions.begin(request.options)
        return BeginTransactionResponse(transaction=transaction.id)

    async def rollback(self, request: Message) -> Message:
        self._transactions.roll_back(request.transaction)
        return Empty()

    # What they share

    def _transaction(self, request: Message) -> Transaction | None:
        """The transaction that a read belongs to, begun here if the request says so."""
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
        """The moment that a request reads ``keys`` at: its transaction's, its read time, or now."""
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

    async def _commit(
        self, database: str, writes: Sequence[Message], transaction: Transaction | None, atomic: bool = True
    ) -> Commit:
        database_key(database)
        operations = [parse_write(write, database) for write in writes]
        keys = [b"".join(split_key(operation.name)) for operation in operations]
        if not atomic and len(set(keys)) < len(keys):
            raise invalid("A batch cannot write to the same document more than once.")
        if transaction is not None and transaction.read_only and operations:
            raise invalid("Cannot modify entities in a read-only transaction.")
        if transaction is None and not self._transactions.waited_for(keys):
            return await self._store.commit(operations, atomic=atomic)
        async with self._transactions.committing(transaction, keys):
            return await self._store.commit(operations, None if transaction is None else transaction.validate, atomic)

    async def _write_one(self, database: str, write: Message, mask: tuple[FieldPath, ...] | None) -> Message:
        """Commit one write and return the document as that commit left it."""
        outcome = await self._commit(database, [write], None)
        name = document_name(write.update.name)
        with self._store.snapshot(outcome.time_us) as snapshot:
            document = snapshot.view.get(name)
        assert document is not None
        return _masked(document, mask)


def _mask(request: Message) -> tuple[FieldPath, ...] | None:
    if not request.HasField("mask"):
        return None
    return tuple(map(parse_field_path, request.mask.field_paths))


def _check_size(request: Message) -> None:
    if request.ByteSize() > MAX_REQUEST_BYTES:
        raise invalid(f"Request payload size exceeds the limit: {MAX_REQUEST_BYTES} bytes.")


def _refuse_explain(request: Message) -> None:
    if request.HasField("explain_options"):
        raise unimplemented("Query explain: the cloud's planner and its costs are not those of this server.")


def _masked(document: StoredDocument, paths: tuple[FieldPath, ...] | None) -> Message:
    return document.message if paths is None else project(document.message, list(paths))


def _id_if_new(request: Message, transaction: Transaction | None) -> bytes:
    return transaction.id if transaction is not None and request.HasField("new_transaction") else b""
