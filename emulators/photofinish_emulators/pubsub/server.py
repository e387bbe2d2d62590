"""Pub/Sub: topics, pull, streaming pull and push, for the official clients (PUBSUB_EMULATOR_HOST)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import aiohttp
import typer

from photofinish_emulators.common.serving import CannotServe, generic_handler, lock_state_dir, serve
from photofinish_emulators.pubsub import iam, publisher, schemas, subscriber
from photofinish_emulators.pubsub.broker import Broker, Pusher, Subscription
from photofinish_emulators.pubsub.oidc import TokenIssuer
from photofinish_emulators.pubsub.push import HttpPusher
from photofinish_emulators.pubsub.storage import Storage

log = logging.getLogger(__name__)

# The writer thread and the event loop share one interpreter; the default of 5 ms would be the writer's wait for it.
SWITCH_INTERVAL_S = 0.0005


def command(
    state_dir: Annotated[Path, typer.Option(help="Where messages are kept; made when not there.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port; the ready line says which.")] = 0,
) -> None:
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        with lock_state_dir(state_dir):
            failed = asyncio.run(_serve(host, port, state_dir))
    except CannotServe as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    if failed:
        raise typer.Exit(1)


async def _serve(host: str, port: int, state_dir: Path) -> bool:
    """Whether the server stopped because something failed."""
    failures: list[BaseException] = []

    def on_failure(error: BaseException) -> None:
        if not failures:
            log.critical("stopping, so that the next start continues from what is on disk", exc_info=error)
            os.kill(os.getpid(), signal.SIGTERM)
        failures.append(error)

    storage = Storage(state_dir / "pubsub.sqlite", on_failure)
    tokens = TokenIssuer(state_dir)
    # A connection a request: an endpoint that closes idle connections would otherwise fail a push now and then.
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))

    def push(subscription: Subscription) -> Pusher:
        return HttpPusher(subscription, session, tokens)

    broker = Broker(storage, push, on_failure)
    handlers = {
        publisher.SERVICE: publisher.Publisher(broker).handler(),
        subscriber.SERVICE: subscriber.Subscriber(broker).handler(),
        iam.SERVICE: iam.IamPolicy(broker).handler(),
        schemas.SERVICE: generic_handler(schemas.SERVICE, schemas.methods()),
    }
    try:
        await serve(handlers, host, port, broker.close)
    finally:
        await broker.close()  # where it cannot serve, too
        await session.close()
        storage.close()
    return bool(failures)
