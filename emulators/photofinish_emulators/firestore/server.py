"""Firestore: documents, queries, transactions and listeners, for the official clients (FIRESTORE_EMULATOR_HOST)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import grpc.aio
import typer

from photofinish_emulators.common.serving import CannotServe, Method, generic_handler, lock_state_dir, serve
from photofinish_emulators.firestore import wire
from photofinish_emulators.firestore.composite_indexes import CompositeIndexes
from photofinish_emulators.firestore.errors import Refused
from photofinish_emulators.firestore.planner import Planner
from photofinish_emulators.firestore.service import FirestoreService
from photofinish_emulators.firestore.store import DocumentStore
from photofinish_emulators.firestore.wire import Message

log = logging.getLogger(__name__)
SERVICE = "google.firestore.v1.Firestore"
HOUSEKEEPING_S = 5.0


def _unary(call: Callable[[Message], Awaitable[Message]]) -> Callable[..., Any]:
    async def handle(request: Message, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
        try:
            return await call(request)
        except Refused as refused:
            await context.abort(refused.code, refused.message)

    return handle


def _stream(call: Callable[[Any], AsyncGenerator[Message]]) -> Callable[..., Any]:
    async def handle(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Message]:
        try:
            async with aclosing(call(request)) as responses:
                async for response in responses:
                    yield response
        except Refused as refused:
            await context.abort(refused.code, refused.message)

    return handle


def methods(service: FirestoreService) -> dict[str, Method]:
    """Every RPC of the service, by name."""
    w = wire
    return {
        "GetDocument": Method(_unary(service.get_document), w.GetDocumentRequest, w.Document),
        "ListDocuments": Method(_unary(service.list_documents), w.ListDocumentsRequest, w.ListDocumentsResponse),
        "CreateDocument": Method(_unary(service.create_document), w.CreateDocumentRequest, w.Document),
        "UpdateDocument": Method(_unary(service.update_document), w.UpdateDocumentRequest, w.Document),
        "DeleteDocument": Method(_unary(service.delete_document), w.DeleteDocumentRequest, w.Empty),
        "BatchGetDocuments": Method(
            _stream(service.batch_get_documents),
            w.BatchGetDocumentsRequest,
            w.BatchGetDocumentsResponse,
            stream_out=True,
        ),
        "BeginTransaction": Method(
            _unary(service.begin_transaction), w.BeginTransactionRequest, w.BeginTransactionResponse
        ),
        "Commit": Method(_unary(service.commit), w.CommitRequest, w.CommitResponse),
        "Rollback": Method(_unary(service.rollback), w.RollbackRequest, w.Empty),
        "BatchWrite": Method(_unary(service.batch_write), w.BatchWriteRequest, w.BatchWriteResponse),
        "RunQuery": Method(_stream(service.run_query), w.RunQueryRequest, w.RunQueryResponse, stream_out=True),
        "RunAggregationQuery": Method(
            _stream(service.run_aggregation_query),
            w.RunAggregationQueryRequest,
            w.RunAggregationQueryResponse,
            stream_out=True,
        ),
        "PartitionQuery": Method(_unary(service.partition_query), w.PartitionQueryRequest, w.PartitionQueryResponse),
        "ExecutePipeline": Method(
            _stream(service.execute_pipeline), w.ExecutePipelineRequest, w.ExecutePipelineResponse, stream_out=True
        ),
        "ListCollectionIds": Method(
            _unary(service.list_collection_ids), w.ListCollectionIdsRequest, w.ListCollectionIdsResponse
        ),
        "Write": Method(_stream(service.write), w.WriteRequest, w.WriteResponse, stream_in=True, stream_out=True),
        "Listen": Method(_stream(service.listen), w.ListenRequest, w.ListenResponse, stream_in=True, stream_out=True),
    }


async def _keep_house(store: DocumentStore) -> None:
    while True:
        await asyncio.sleep(HOUSEKEEPING_S)
        while await store.forget_history():
            await asyncio.sleep(0.1)


async def _serve(host: str, port: int, state_dir: Path, indexes: Path | None) -> None:
    composite_indexes = None if indexes is None else CompositeIndexes(indexes)
    lock = lock_state_dir(state_dir)
    store = DocumentStore(state_dir / "firestore.sqlite")
    service = FirestoreService(store, Planner(store, composite_indexes))
    housekeeping = asyncio.create_task(_keep_house(store))

    async def stop() -> None:
        housekeeping.cancel()
        store.close()
        lock.close()

    await serve({SERVICE: generic_handler(SERVICE, methods(service))}, host, port, stop)


def command(
    state_dir: Annotated[Path, typer.Option(help="Where the documents are kept; made when not there.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port; the ready line says which.")] = 0,
    indexes: Annotated[
        Path | None, typer.Option(help="firestore.indexes.json: queries that lack their composite index fail.")
    ] = None,
) -> None:
    try:
        asyncio.run(_serve(host, port, state_dir, indexes))
    except CannotServe as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
