"""Pub/Sub: topics, pull, streaming pull and push, for the official clients (PUBSUB_EMULATOR_HOST)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import aiohttp
import typer

from photofinish_emulators.common.authorization import AccountPorts, Authorization, IamFile, read_options
from photofinish_emulators.common.serving import Host, Port, StateDir, serve
from photofinish_emulators.common.state_dir import lock_state_dir
from photofinish_emulators.pubsub import iam as policies
from photofinish_emulators.pubsub import permissions, publisher, schemas, subscriber
from photofinish_emulators.pubsub.broker import Broker
from photofinish_emulators.pubsub.oidc import TokenIssuer
from photofinish_emulators.pubsub.push import HttpPusher
from photofinish_emulators.pubsub.service_agent import ServiceAgent
from photofinish_emulators.pubsub.store import Store
from photofinish_emulators.pubsub.topics import Pusher, Subscription

log = logging.getLogger(__name__)

# The writer thread and the event loop share the interpreter; with the default the writer would wait 5 ms for it.
SWITCH_INTERVAL_S = 0.0005


def command(
    state_dir: StateDir,
    host: Host = "127.0.0.1",
    port: Port = 0,
    iam: IamFile = None,
    account: AccountPorts = None,
) -> None:
    authorization = read_options(iam, account, permissions.needs, lambda _need: permissions.WORDS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with lock_state_dir(state_dir):
        failed = asyncio.run(_serve(host, port, state_dir, authorization))
    if failed:
        raise typer.Exit(1)


async def _serve(host: str, port: int, state_dir: Path, authorization: Authorization | None) -> bool:
    """Serve until stopped; return whether a failure stopped the server."""
    failures: list[BaseException] = []

    def on_failure(error: BaseException) -> None:
        if not failures:
            log.critical("stopping, so that the next start continues from the state on disk", exc_info=error)
            os.kill(os.getpid(), signal.SIGTERM)
        failures.append(error)

    store = Store(state_dir / "pubsub.sqlite", on_failure)
    tokens = TokenIssuer(state_dir)
    agent = ServiceAgent(None if authorization is None else authorization.policy)
    # One connection per request: reusing a connection that the endpoint closes when idle would sometimes fail a push.
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))

    def push(subscription: Subscription) -> Pusher:
        return HttpPusher(subscription, session, tokens, agent)

    broker = Broker(store, push, on_failure, agent)
    handlers = {
        publisher.SERVICE: publisher.Publisher(broker).handler(),
        subscriber.SERVICE: subscriber.Subscriber(broker).handler(),
        policies.SERVICE: policies.IamPolicy(broker).handler(),
        schemas.SERVICE: schemas.SchemaService(broker.schemas).handler(),
    }
    try:
        await serve(handlers, host, port, authorization=authorization)
    finally:
        await broker.close()
        await session.close()
        store.close()
    return bool(failures)
