"""Firestore: documents, queries, transactions and listeners, for the official clients (FIRESTORE_EMULATOR_HOST).

gRPC serves the client libraries and the mobile SDKs; HTTP on the same port serves the web SDK.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import grpc
import typer

from photofinish_emulators.common.authorization import AccountPorts, Authorization, IamFile, read_options
from photofinish_emulators.common.rpc_errors import Context, streaming, unary
from photofinish_emulators.common.serving import Host, Method, Port, StateDir, generic_handler, serve
from photofinish_emulators.common.state_dir import lock_state_dir
from photofinish_emulators.firestore import permissions
from photofinish_emulators.firestore.access import Gate
from photofinish_emulators.firestore.composite_indexes import CompositeIndexes
from photofinish_emulators.firestore.planner import Planner
from photofinish_emulators.firestore.read_service import ReadService
from photofinish_emulators.firestore.rpcs import SERVICE, Rpc, all_rpcs
from photofinish_emulators.firestore.rules.ruleset import load
from photofinish_emulators.firestore.store import DocumentStore
from photofinish_emulators.firestore.transactions import Transactions
from photofinish_emulators.firestore.web.application import http_server
from photofinish_emulators.firestore.write_service import WriteService

DELETE_INTERVAL_S = 5.0


def grpc_handler(rpcs: Mapping[str, Rpc], gate: Gate) -> grpc.GenericRpcHandler:
    return generic_handler(
        SERVICE,
        {
            name: Method(
                _for_callers(rpc, gate),
                rpc.request,
                rpc.response,
                stream_in=rpc.stream_in,
                stream_out=rpc.stream_out,
            )
            for name, rpc in rpcs.items()
        },
    )


def _for_callers(rpc: Rpc, gate: Gate) -> Callable[[Any, Context], Any]:
    """A gRPC handler that calls ``rpc`` with what the caller may do."""

    def called_by(context: Context) -> Callable[[Any], Any]:
        headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        return lambda request: rpc.call(request, gate.access(headers.get("authorization")))

    async def stream(request: Any, context: Context) -> AsyncGenerator[Any]:
        async with aclosing(streaming(called_by(context))(request, context)) as responses:
            async for response in responses:
                yield response

    async def single(request: Any, context: Context) -> Any:
        return await unary(called_by(context))(request, context)

    return stream if rpc.stream_out else single


async def _delete_old_history(store: DocumentStore) -> None:
    while True:
        await asyncio.sleep(DELETE_INTERVAL_S)
        while await store.delete_old_history():
            await asyncio.sleep(0.1)


async def _serve(
    host: str,
    port: int,
    state_dir: Path,
    indexes: Path | None,
    rules: Path | None,
    origins: Collection[str],
    authorization: Authorization | None,
) -> None:
    composite_indexes = None if indexes is None else CompositeIndexes(indexes)
    gate = Gate(None if rules is None else load(rules))
    with lock_state_dir(state_dir):
        store = DocumentStore(state_dir / "firestore.sqlite")
        transactions = Transactions()
        reads = ReadService(store, Planner(store, composite_indexes), transactions)
        rpcs = all_rpcs(reads, WriteService(store, transactions))
        deleting = asyncio.create_task(_delete_old_history(store))
        try:
            async with http_server(rpcs, gate, host, origins) as for_web:
                await serve({SERVICE: grpc_handler(rpcs, gate)}, host, port, for_web, authorization)
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
    rules: Annotated[
        Path | None,
        typer.Option(help="firestore.rules: what users may do. Without it, every caller may do everything."),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin whose pages may use the server, besides those of localhost; can be repeated."),
    ] = None,
    iam: IamFile = None,
    account: AccountPorts = None,
) -> None:
    authorization = read_options(iam, account, permissions.needs, lambda _need: permissions.WORDS)
    asyncio.run(_serve(host, port, state_dir, indexes, rules, origin or (), authorization))
