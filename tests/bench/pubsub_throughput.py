"""How fast the Pub/Sub server is on this machine: ``python tests/bench/pubsub_throughput.py``, JSON on standard output.

Clients, endpoint and server share the machine, so each figure is a lower bound for the server.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
import psutil
from aiohttp import web
from google.cloud.pubsub_v1.types import FlowControl
from google.pubsub_v1 import types

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.pubsub_server import PubsubServer

PULLED, PUSHED, SINGLE = 60_000, 5_000, 3_000
BODY = b"x" * 200


class Bench:
    def __init__(self, server: PubsubServer) -> None:
        self.server = server
        self.publisher, self.subscriber = server.publisher(), server.subscriber()
        self.publish = grpc.insecure_channel(server.address).unary_unary(
            "/google.pubsub.v1.Publisher/Publish",
            request_serializer=types.PublishRequest.serialize,
            response_deserializer=types.PublishResponse.deserialize,
        )

    def subscription(self, name: str, **fields: Any) -> tuple[str, str]:
        topic, subscription = f"projects/bench/topics/{name}", f"projects/bench/subscriptions/{name}"
        self.publisher.create_topic(name=topic)
        self.subscriber.create_subscription(request={"name": subscription, "topic": topic, **fields})
        return topic, subscription

    def fill(self, topic: str, count: int, batch: int, clients: int) -> float:
        """Messages a second."""
        request = types.PublishRequest(topic=topic, messages=[{"data": BODY}] * batch)
        started = time.monotonic()
        with ThreadPoolExecutor(clients) as pool:
            for _ in pool.map(lambda _: self.publish(request), range(count // batch)):
                pass
        return count / (time.monotonic() - started)

    def stream(self, subscription: str, count: int) -> float:
        """Messages a second through the library's subscriber, each acknowledged."""
        done, seen = threading.Event(), 0

        def callback(message: Any) -> None:
            nonlocal seen
            message.ack()
            seen += 1  # callbacks of this library run on several threads; a lost count only makes it slower
            if seen >= count * 0.999:
                done.set()

        started = time.monotonic()
        future = self.subscriber.subscribe(subscription, callback, flow_control=FlowControl(max_messages=20_000))
        assert done.wait(120), f"only {seen} of {count} messages came"
        rate = seen / (time.monotonic() - started)
        future.cancel()
        future.result()
        return rate

    def push(self, count: int) -> float:
        """Messages a second to an endpoint in a process of its own."""
        here, there = multiprocessing.Pipe()
        endpoint = multiprocessing.Process(target=run_endpoint, args=(there, count), daemon=True)
        endpoint.start()
        topic, _ = self.subscription(
            "push", push_config={"push_endpoint": here.recv(), "attributes": {"x-emulator-push-format": "cloudevent"}}
        )
        started = time.monotonic()
        self.fill(topic, count, 500, 2)
        assert here.poll(120), "not everything was pushed"
        here.recv()
        rate = count / (time.monotonic() - started)
        endpoint.join()
        return rate


def run_endpoint(connection: Connection, count: int) -> None:
    """An endpoint that accepts everything, tells its address, and then that it has got ``count``."""

    async def serve() -> None:
        seen, done = set[str](), asyncio.Event()

        async def accept(request: web.Request) -> web.Response:
            await request.read()
            seen.add(request.headers["ce-id"])
            if len(seen) == count:
                done.set()
            return web.Response(status=204)

        app = web.Application()
        app.router.add_post("/", accept)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        connection.send(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        await done.wait()
        connection.send("done")
        await runner.cleanup()

    asyncio.run(serve())


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, PubsubServer(Path(folder) / "state") as server:
        bench = Bench(server)
        topic, subscription = bench.subscription("pull")
        figures = {
            "batched_publishes_per_s": bench.fill(topic, PULLED, 1000, 4),
            "streaming_pull_messages_per_s": bench.stream(subscription, PULLED),
            "single_publishes_per_s": bench.fill(bench.subscription("single")[0], SINGLE, 1, 16),
            "push_per_s": bench.push(PUSHED),
            "memory_mib": psutil.Process(server.pid).memory_info().rss / 2**20,
        }
        print(json.dumps({name: round(value) for name, value in figures.items()}, indent=2))


if __name__ == "__main__":
    main()
