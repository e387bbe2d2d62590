"""Performance of the Pub/Sub server with the official clients and an endpoint in a separate process."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc
from aiohttp import web
from figures import Figure, Took, measured, memory_mb
from google.cloud.pubsub_v1.types import FlowControl
from google.pubsub_v1 import types

from support.pubsub_server import PubsubServer

PULLED, BATCHED, SINGLE, PUSHED, KEPT = 60_000, 20_000, 3_000, 5_000, 50_000
ORDERED, ORDERED_PUSHED, KEY = 20_000, 1_000, "bib-1495"
BODY = b"x" * 200


class Bench:
    def __init__(self, server: PubsubServer) -> None:
        self.server = server
        self.publisher, self.subscriber = server.publisher(), server.subscriber()
        self.channel = grpc.insecure_channel(server.address)
        self.publish = self.channel.unary_unary(
            "/google.pubsub.v1.Publisher/Publish",
            request_serializer=types.PublishRequest.serialize,
            response_deserializer=types.PublishResponse.deserialize,
        )

    def subscription(self, name: str, **fields: Any) -> tuple[str, str]:
        topic, subscription = f"projects/bench/topics/{name}", f"projects/bench/subscriptions/{name}"
        self.publisher.create_topic(name=topic)
        self.subscriber.create_subscription(request={"name": subscription, "topic": topic, **fields})
        return topic, subscription

    def fill(self, topic: str, count: int, batch: int, clients: int, key: str = "") -> Took:
        """Publish ``count`` messages in batches, by several threads."""
        request = types.PublishRequest(topic=topic, messages=[{"data": BODY, "ordering_key": key}] * batch)
        with measured(self.server.pid) as took, ThreadPoolExecutor(clients) as pool:
            for _ in pool.map(lambda _: self.publish(request), range(count // batch)):
                pass
        return took

    def publish_with_client(self, topic: str, count: int) -> Took:
        """Publish ``count`` messages one by one through the library's publisher, which sends batches of 100."""
        with measured(self.server.pid) as took:
            futures = [self.publisher.publish(topic, BODY) for _ in range(count)]
            for future in futures:
                future.result(60)
        return took

    def stream(self, subscription: str, count: int) -> Took:
        """Receive ``count`` messages through the library's subscriber, and acknowledge each."""
        done, seen = threading.Event(), 0

        def callback(message: Any) -> None:
            nonlocal seen
            message.ack()
            seen += 1  # not atomic: callbacks run on several threads, but a lost count only makes it slower
            if seen >= count * 0.999:
                done.set()

        with measured(self.server.pid) as took:
            future = self.subscriber.subscribe(subscription, callback, flow_control=FlowControl(max_messages=20_000))
            assert done.wait(120), f"only {seen} of {count} messages came"
        future.cancel()
        future.result()
        return took

    def stream_in_order(self, subscription: str, count: int) -> Took:
        """Receive ``count`` messages of one key by a bare stub that acknowledges on its stream; check their order.

        Not with the client library: in Python it hands out the next message of a key after the acknowledgement before
        has been sent, for which it waits 10 ms, so that it receives less than 100 a second from any server.
        """
        requests: SimpleQueue[types.StreamingPullRequest | None] = SimpleQueue()
        requests.put(
            types.StreamingPullRequest(
                subscription=subscription, stream_ack_deadline_seconds=60, max_outstanding_messages=1000
            )
        )
        stream = self.channel.stream_stream(
            "/google.pubsub.v1.Subscriber/StreamingPull",
            request_serializer=types.StreamingPullRequest.serialize,
            response_deserializer=types.StreamingPullResponse.deserialize,
        )
        seen: list[int] = []
        with measured(self.server.pid) as took:
            call = stream(iter(requests.get, None))
            for response in call:
                seen += [int(received.message.message_id) for received in response.received_messages]
                requests.put(types.StreamingPullRequest(ack_ids=[r.ack_id for r in response.received_messages]))
                if len(seen) >= count:
                    break
        call.cancel()
        requests.put(None)
        assert seen == sorted(set(seen)), "out of order"
        return took

    def pull_in_order(self, subscription: str, count: int) -> Took:
        """Pull ``count`` messages of one key, acknowledging each batch before the next; check their order."""
        seen: list[int] = []
        with measured(self.server.pid) as took:
            while len(seen) < count:
                received = self.subscriber.pull(subscription=subscription, max_messages=1000).received_messages
                seen += [int(each.message.message_id) for each in received]
                self.subscriber.acknowledge(subscription=subscription, ack_ids=[each.ack_id for each in received])
        assert seen == sorted(set(seen)), "out of order"
        return took

    def push(self, count: int, key: str = "") -> Took:
        """Push ``count`` messages to an endpoint in a separate process."""
        here, there = multiprocessing.Pipe()
        endpoint = multiprocessing.Process(target=run_endpoint, args=(there, count), daemon=True)
        endpoint.start()
        topic, _ = self.subscription(
            f"push-{key}",
            push_config={"push_endpoint": here.recv(), "attributes": {"x-emulator-push-format": "cloudevent"}},
            enable_message_ordering=bool(key),
        )
        with measured(self.server.pid) as took:
            self.fill(topic, count, 500, 2, key)
            assert here.poll(120), "not all messages were pushed"
            here.recv()
        endpoint.join()
        return took


def run_endpoint(connection: Connection, count: int) -> None:
    """Run an endpoint that accepts everything; send its URL, and then "done" once it has received ``count``."""

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


def measure_pubsub(folder: Path) -> list[Figure]:
    name = "Pub/Sub"
    with PubsubServer(folder / "pubsub") as server:
        figures = [Figure(name, "memory, idle", "MB", memory_mb(server.pid), 150)]
        bench = Bench(server)
        topic, subscription = bench.subscription("pull")
        figures.append(
            bench.fill(topic, PULLED, 1000, 4).rate(name, "publishes by bare stub, 1,000 a request", PULLED, 15_000)
        )
        figures.append(bench.stream(subscription, PULLED).rate(name, "streaming pull, acknowledged", PULLED, 8_000))
        batched, _ = bench.subscription("batched")
        took = bench.publish_with_client(batched, BATCHED)
        figures.append(took.rate(name, "publishes through the client's batches of 100", BATCHED, 15_000))
        single, _ = bench.subscription("single")
        figures.append(
            bench.fill(single, SINGLE, 1, 16).rate(
                name, "publishes by bare stub, one a request, 16 threads", SINGLE, None
            )
        )
        pushed = bench.push(PUSHED)
        figures.append(replace(pushed.rate(name, "push", PUSHED, 400), client_cpu_us=None))
        for name_of, measure, least in (
            ("streaming pull by bare stub", bench.stream_in_order, 500),
            ("pull", bench.pull_in_order, 500),
        ):
            ordered, subscription = bench.subscription(f"ordered-{name_of.split()[0]}", enable_message_ordering=True)
            bench.fill(ordered, ORDERED, 1000, 1, KEY)
            took = measure(subscription, ORDERED)
            figures.append(took.rate(name, f"one ordering key, {name_of}, acknowledged", ORDERED, least))
        pushed = bench.push(ORDERED_PUSHED, KEY)
        figures.append(replace(pushed.rate(name, "one ordering key, push", ORDERED_PUSHED, None), client_cpu_us=None))
        kept, unacknowledged = bench.subscription("kept", ack_deadline_seconds=600)
        bench.fill(kept, KEPT, 1000, 4)
        outstanding = 0
        while outstanding < KEPT:
            pulled = bench.subscriber.pull(subscription=unacknowledged, max_messages=1000).received_messages
            outstanding += len(pulled)
        messages = f"{KEPT:,} messages outstanding"
        figures.append(Figure(name, f"memory, {messages}", "MB", memory_mb(server.pid), 150))
        figures.append(Figure(name, f"start after kill -9, {messages}", "s", server.restart(), 2.0))
    return figures
