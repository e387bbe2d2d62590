"""The RPCs of ``google.firestore.v1.Firestore`` that write, and transactions: from a request message to responses.

As in `read_service`, they do not depend on gRPC. Every write passes through ``_commit``, which has it judged.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from photofinish_emulators.common.rpc_errors import Refused, invalid
from photofinish_emulators.firestore.access import Access
from photofinish_emulators.firestore.commits import Commit
from photofinish_emulators.firestore.documents import split_key
from photofinish_emulators.firestore.paths import (
    FieldPath,
    check_collection_id,
    database_key,
    document_name,
    mask_paths,
    parent_name,
)
from photofinish_emulators.firestore.protos import (
    BatchWriteResponse,
    BeginTransactionResponse,
    CommitResponse,
    Document,
    Empty,
    Message,
    Write,
    WriteResponse,
    timestamp,
)
from photofinish_emulators.firestore.store import DocumentStore
from photofinish_emulators.firestore.transactions import Transaction, Transactions
from photofinish_emulators.firestore.writes import exists_precondition, parse_write

MAX_REQUEST_BYTES = 11_534_336
_ID_LETTERS = string.ascii_letters + string.digits


class WriteService:
    """One object serves all databases of a store."""

    def __init__(self, store: DocumentStore, transactions: Transactions) -> None:
        self._store = store
        self._transactions = transactions

    async def commit(self, request: Message, access: Access) -> Message:
        _check_size(request)
        transaction = self._transactions.get(request.transaction) if request.transaction else None
        outcome = await self._commit(access, request.database, request.writes, transaction)
        return CommitResponse(write_results=outcome.results, commit_time=timestamp(outcome.time_us))

    async def batch_write(self, request: Message, access: Access) -> Message:
        _check_size(request)
        outcome = await self._commit(access, request.database, request.writes, None, atomic=False)
        response = BatchWriteResponse()
        for result in outcome.results:
            if isinstance(result, Refused):
                response.write_results.add()
                response.status.append(result.status)
            else:
                response.write_results.append(result)
                response.status.add()
        return response

    async def create_document(self, request: Message, access: Access) -> Message:
        id = request.document_id or "".join(secrets.choice(_ID_LETTERS) for _ in range(20))
        name = parent_name(request.parent).child(check_collection_id(request.collection_id), id)
        write = Write(update=Document(name=str(name), fields=request.document.fields))
        write.current_document.CopyFrom(exists_precondition(False))
        return await self._write_one(access, name.database, write, mask_paths(request))

    async def update_document(self, request: Message, access: Access) -> Message:
        name = document_name(request.document.name)
        write = Write(update=Document(name=str(name), fields=request.document.fields))
        if request.HasField("update_mask"):
            write.update_mask.CopyFrom(request.update_mask)
        if request.HasField("current_document"):
            write.current_document.CopyFrom(request.current_document)
        return await self._write_one(access, name.database, write, mask_paths(request))

    async def delete_document(self, request: Message, access: Access) -> Message:
        write = Write(delete=request.name)
        if request.HasField("current_document"):
            write.current_document.CopyFrom(request.current_document)
        await self._commit(access, document_name(request.name).database, [write], None)
        return Empty()

    async def write(self, requests: AsyncIterator[Message], access: Access) -> AsyncGenerator[Message]:
        """Commit one request after the other; a refused one ends the stream.

        The first request opens the stream and writes nothing. Stream tokens carry no state: every response confirms a
        commit on disk, and clients repeat unconfirmed requests on their next stream.
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
                outcome = await self._commit(access, database, request.writes, None)
                response = WriteResponse(write_results=outcome.results, commit_time=timestamp(outcome.time_us))
            answered += 1
            response.stream_token = answered.to_bytes(8, "big")
            yield response

    async def begin_transaction(self, request: Message, _: Access) -> Message:
        database_key(request.database)
        transaction = self._transactions.begin(request.options)
        return BeginTransactionResponse(transaction=transaction.id)

    async def rollback(self, request: Message, _: Access) -> Message:
        self._transactions.roll_back(request.transaction)
        return Empty()

    async def _commit(
        self,
        access: Access,
        database: str,
        writes: Sequence[Message],
        transaction: Transaction | None,
        atomic: bool = True,
    ) -> Commit:
        database_key(database)
        operations = [parse_write(write, database) for write in writes]
        keys = [b"".join(split_key(operation.name)) for operation in operations]
        if not atomic and len(set(keys)) < len(keys):
            raise invalid("A batch cannot write to the same document more than once.")
        if transaction is not None and transaction.read_only and operations:
            raise invalid("Cannot modify entities in a read-only transaction.")
        if transaction is None and not self._transactions.is_contended(keys):
            return await self._store.commit(operations, None, atomic, access.judge_writes)
        async with self._transactions.committing(transaction, keys):
            validate = None if transaction is None else transaction.validate
            return await self._store.commit(operations, validate, atomic, access.judge_writes)

    async def _write_one(
        self, access: Access, database: str, write: Message, mask: tuple[FieldPath, ...] | None
    ) -> Message:
        """Commit one write and return the document as of that commit, with the fields of ``mask``."""
        outcome = await self._commit(access, database, [write], None)
        name = document_name(write.update.name)
        with self._store.snapshot(outcome.time_us) as snapshot:
            document = snapshot.view.get(name)
        assert document is not None
        return document.projected(mask)


def _check_size(request: Message) -> None:
    if request.ByteSize() > MAX_REQUEST_BYTES:
        raise invalid(f"Request payload size exceeds the limit: {MAX_REQUEST_BYTES} bytes.")
