"""Cloud Storage of the local cloud: fake-gcs-server behind a proxy that decides who may use it.

fake-gcs-server answers requests of any host name and of any web page, and has no options for that. So it serves only
this process, by a certificate that browsers do not trust; the pages of `common.local_pages` may use it through here.
Service accounts, where there are any, have ports of their own, at which their permissions are checked.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web

from photofinish_emulators.common.authorization import AccountPorts, IamFile
from photofinish_emulators.common.iam import Policy
from photofinish_emulators.common.local_pages import LocalPages
from photofinish_emulators.storage_access.conditional import ConditionalRequests
from photofinish_emulators.storage_access.forwarding import connected
from photofinish_emulators.storage_access.proxy import MAX_BODY_BYTES, AccountProxy

HOST = "127.0.0.1"
READY_LINE = f"ready {HOST}:"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# What scripts of a page may read of an answer: those of `response_header` in Terraform's buckets, and what JSON
# clients and resumable uploads need.
EXPOSED = (
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Location",
    "Range",
    "X-Goog-Generation",
    "X-Goog-Hash",
    "X-Goog-Metageneration",
    "X-Goog-Stored-Content-Length",
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def command(
    port: Annotated[int, typer.Option(help="Port on loopback, of clients without an account.")],
    upstream: Annotated[str, typer.Option(help="URL of fake-gcs-server.")],
    certificate: Annotated[Path | None, typer.Option(help="Its certificate (PEM); without one, it is trusted.")] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin of web pages that may use the server, besides those of localhost; repeat it."),
    ] = None,
    iam: IamFile = None,
    account: AccountPorts = None,
) -> None:
    policy = Policy.read(iam) if iam is not None else None
    accounts = {name: int(own) for name, own in (pair.split("=", 1) for pair in account or ())}
    asyncio.run(_serve(port, upstream, certificate, origin or (), policy, accounts))


async def _serve(
    port: int,
    url: str,
    certificate: Path | None,
    origins: Collection[str],
    policy: Policy | None,
    accounts: Mapping[str, int],
) -> None:
    stopping = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    pages = LocalPages(HOST, origins, methods=METHODS, exposed=EXPOSED)
    async with AsyncExitStack() as running:
        trusted = str(certificate) if certificate is not None else None
        upstream = await running.enter_async_context(connected(url, trusted))
        requests = ConditionalRequests(upstream)
        await _listen(running, port, pages, partial(requests.forward, own_url=_url(port)))
        for name, own_port in accounts.items():
            assert policy is not None, "accounts come with permissions"
            proxy = AccountProxy(requests, policy, name, _url(own_port))
            await _listen(running, own_port, pages, proxy.handle)
        print(f"{READY_LINE}{port}", flush=True)
        await stopping.wait()


async def _listen(running: AsyncExitStack, port: int, pages: LocalPages, handler: Handler) -> None:
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[pages.check])
    app.on_response_prepare.append(pages.add_headers)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, auto_decompress=False, access_log=None)
    await runner.setup()
    running.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, HOST, port, reuse_address=True, shutdown_timeout=1).start()


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"
