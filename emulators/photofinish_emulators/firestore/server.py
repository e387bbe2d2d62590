"""Firestore: documents, queries, transactions and listeners, for the official clients (FIRESTORE_EMULATOR_HOST)."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from photofinish_emulators.common.rpc_errors import streaming, unary
from photofinish_emulators.common.serving import Host, Method, Port, StateDir, generic_handler, serve
from photofinish_emulators.common.state_dir import lock_state_dir
from photofinish_emulators.firestore import protos as p
from photofinish_emulators.firestore.composite_indexes import CompositeIndexes
from photofinish_emulators.firestore.planner import Planner
from photofinish_emulators.firestore.read_service import ReadService
from photofinish_emulators.firestore.store import DocumentStore
from photofinish_emulators.firestore.transactions import Transactions
from photofinish_emulators.firestore.write_service import WriteService

log = logging.getLogger(__name__)
SERVICE = "google.firestore.v1.Firestore"
DELETE_INTERVAL_S = 5.0


def methods(reads: ReadService, writes: WriteService) -> dict[str, Method]:
    """Every RPC of the service, by name."""
    unary_calls = {
        "GetDocument": (reads.get_document, p.GetDocumentRequest, p.Document),
        "ListDocuments": (reads.list_documents, p.ListDocumentsRequest, p.ListDocumentsResponse),
        "ListCollectionIds": (reads.list_collection_ids, p.ListCollectionIdsRequest, p.ListCollectionIdsResponse),
        "PartitionQuery": (reads.partition_query, p.PartitionQueryRequest, p.PartitionQueryResponse),
        "CreateDocument": (writes.create_document, p.CreateDocumentRequest, p.Document),
        "UpdateDocument": (writes.update_document, p.UpdateDocumentRequest, p.Document),
        "DeleteDocument": (writes.delete_document, p.DeleteDocumentRequest, p.Empty),
        "BatchWrite": (writes.batch_write, p.BatchWriteRequest, p.BatchWriteResponse),
        "BeginTransaction": (writes.begin_transaction, p.BeginTransactionRequest, p.BeginTransactionResponse),
        "Commit": (writes.commit, p.CommitRequest, p.CommitResponse),
        "Rollback": (writes.rollback, p.RollbackRequest, p.Empty),
    }
    streaming_calls = {
        "BatchGetDocuments": (reads.batch_get_documents, p.BatchGetDocumentsRequest, p.BatchGetDocumentsResponse),
        "RunQuery": (reads.run_query, p.RunQueryRequest, p.RunQueryResponse),
        "RunAggregationQuery": (
            reads.run_aggregation_query,
            p.RunAggregationQueryRequest,
            p.RunAggregationQueryResponse,
        ),
        "ExecutePipeline": (reads.execute_pipeline, p.ExecutePipelineRequest, p.ExecutePipelineResponse),
    }
    bidirectional_calls = {
        "Listen": (reads.listen, p.ListenRequest, p.ListenResponse),
        "Write": (writes.write, p.WriteRequest, p.WriteResponse),
    }
    return {
        **{name: Method(unary(call), request, response) for name, (call, request, response) in unary_calls.items()},
        **{
            name: Method(streaming(call), request, response, stream_out=True)
            for name, (call, request, response) in streaming_calls.items()
        },
        **{
            name: Method(streaming(call), request, response, stream_in=True, stream_out=True)
            for name, (call, request, response) in bidirectional_calls.items()
        },
    }


async def _delete_old_history(store: DocumentStore) -> None:
    while True:
        await asyncio.sleep(DELETE_INTERVAL_S)
        while await store.delete_old_history():
            await asyncio.sleep(0.1)


async def _serve(host: str, port: int, state_dir: Path, indexes: Path | None) -> None:
    composite_indexes = None if indexes is None else CompositeIndexes(indexes)
    with lock_state_dir(state_dir):
        store = DocumentStore(state_dir / "firestore.sqlite")
        transactions = Transactions()
        reads = ReadService(store, Planner(store, composite_indexes), transactions)
        writes = WriteService(store, transactions)
        deleting = asyncio.create_task(_delete_old_history(store))
        try:
            await serve({SERVICE: generic_handler(SERVICE, methods(reads, writes))}, host, port)
        finally:
            deleting.cancel()
            store.close()


def command(
    state_dir: StateDir,
    host: Host = "127.0.0.1",
    port: Port = 0,
    indexes: Annotated[
        Path | None, typer.Option(help="firestore.indexes.json; queries that lack a composite index in it fail.")
    ] = None,
) -> None:
    asyncio.run(_serve(host, port, state_dir, indexes))
