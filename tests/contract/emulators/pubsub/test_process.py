"""The server as a process: starting, stopping, running beside others, and what survives when it is killed."""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import grpc
import psutil
import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1.subscriber.message import Message
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import PublisherClient as GapicPublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.types import PubsubMessage
from grpc_health.v1 import health_pb2, health_pb2_grpc

from support.emulator_process import slowness
from support.pubsub_crash import kill_under_load
from support.pubsub_server import PubsubServer, pull
from support.push_endpoint import Endpoint
from support.waiting import DEADLINE_S, wait_until

TOPIC, SUBSCRIPTION = "projects/p/topics/top", "projects/p/subscriptions/sub"


def run_server(*options: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to exit by itself."""
    return subprocess.run(
        [sys.executable, "-m", "photofinish_emulators", "pubsub", *options],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def create(server: PubsubServer, **fields: object) -> None:
    server.publisher().create_topic(name=TOPIC)
    server.subscriber().create_subscription(request={"name": SUBSCRIPTION, "topic": TOPIC, **fields})


def test_a_state_directory_or_port_in_use_is_reported(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "one") as server:
        second = run_server("--state-dir", str(server.state_dir))
        assert second.returncode == 2
        assert second.stderr.strip() == (
            f"{server.state_dir} is in use by another process: stop that process, or give another --state-dir"
        )
        second = run_server("--state-dir", str(tmp_path / "two"), "--port", str(server.port))
        assert second.returncode == 2
        assert f"127.0.0.1:{server.port} is taken: stop the process that listens there, or give" in second.stderr


def test_two_servers_side_by_side(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "one") as one, PubsubServer(tmp_path / "two") as two:
        create(one)
        with pytest.raises(exceptions.NotFound):
            two.publisher().get_topic(topic=TOPIC)
        create(two)
        one.publisher().publish(TOPIC, b"x").result(10)
        assert len(pull(one.subscriber(), SUBSCRIPTION)) == 1
        assert pull(two.subscriber(), SUBSCRIPTION) == []


def test_it_is_healthy_and_exits_with_0(tmp_path: Path) -> None:
    server = PubsubServer(tmp_path / "state")
    server.start()
    with grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "google.pubsub.v1.Publisher", "google.pubsub.v1.Subscriber"):
            response = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE_S)
            assert response.status == health_pb2.HealthCheckResponse.SERVING
    assert server.stop() == 0
    for line in server.log_path.read_text().splitlines():
        assert {"severity", "time", "message"} <= json.loads(line).keys()


def test_configuration_leases_and_backoff_survive_a_kill(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server:
        publisher, subscriber = server.publisher(), server.subscriber()
        publisher.create_topic(name=TOPIC)
        # One redelivers nothing for minutes, the other everything at once.
        slow, quick = SUBSCRIPTION + "-slow", SUBSCRIPTION + "-quick"
        for name, backoff in ((slow, Duration(seconds=600)), (quick, Duration(nanos=1_000_000))):
            subscriber.create_subscription(
                request={
                    "name": name,
                    "topic": TOPIC,
                    "retry_policy": {"minimum_backoff": backoff, "maximum_backoff": backoff},
                    "dead_letter_policy": {"dead_letter_topic": TOPIC},
                    "labels": {"a": "b"},
                }
            )
        before = list(subscriber.list_subscriptions(project="projects/p"))
        for body in (b"acked", b"leased", b"nacked", b"new"):
            publisher.publish(TOPIC, body).result(10)
        for name, lease_s in ((slow, 600), (quick, 1)):
            acked, leased, nacked = (r.ack_id for r in pull(subscriber, name, limit=3))
            subscriber.acknowledge(subscription=name, ack_ids=[acked])
            subscriber.modify_ack_deadline(subscription=name, ack_ids=[leased], ack_deadline_seconds=lease_s)
            subscriber.modify_ack_deadline(subscription=name, ack_ids=[nacked], ack_deadline_seconds=0)

        server.restart()

        subscriber = server.subscriber()
        assert list(subscriber.list_subscriptions(project="projects/p")) == before
        assert [(r.message.data, r.delivery_attempt) for r in pull(subscriber, slow)] == [(b"new", 1)]
        attempts: dict[bytes, int] = {}

        def all_delivered() -> bool:
            for received in pull(subscriber, quick):
                attempts[received.message.data] = received.delivery_attempt
                subscriber.acknowledge(subscription=quick, ack_ids=[received.ack_id])
            return len(attempts) == 3

        wait_until(all_delivered, "the leased, the failed and the new message")
        assert attempts == {b"nacked": 2, b"leased": 2, b"new": 1}, "and the acknowledged one stays acknowledged"


def test_an_earlier_ack_id_is_valid_after_a_kill(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server:
        create(server)
        server.publisher().publish(TOPIC, b"x").result(10)
        [received] = pull(server.subscriber(), SUBSCRIPTION)
        server.restart()
        server.subscriber().acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.ack_id])
        server.restart()
        assert pull(server.subscriber(), SUBSCRIPTION) == []


def test_kills_under_load_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server:
        kill_under_load(server, kills=3)


def test_a_full_disk_stops_the_server_and_loses_nothing(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server:
        create(server)
        # No file of the process may grow beyond this, so for SQLite the disk is full.
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        published: set[str] = set()

        def publish() -> bool:
            """Whether the server accepted it."""
            try:
                published.add(publisher.publish(TOPIC, bytes(100_000), retry=None, timeout=10).result(20))
            except exceptions.ServiceUnavailable:
                return False
            return True

        with server.publisher() as publisher:
            wait_until(lambda: not publish(), "a publish that is refused")
        assert server.wait() == 1
        assert "CRITICAL" in server.log_tail()
        server.restart()
        delivered: set[str] = set()
        while received := pull(server.subscriber(), SUBSCRIPTION, limit=1000):
            delivered |= {r.message.message_id for r in received}
        assert len(published) > 3
        assert published <= delivered


def test_push_continues_after_a_kill(tmp_path: Path, endpoint: Endpoint) -> None:
    with PubsubServer(tmp_path / "state") as server:
        create(server, push_config={"push_endpoint": endpoint.url})
        endpoint.status = 503
        published = {server.publisher().publish(TOPIC, b"%d" % i).result(10) for i in range(20)}
        wait_until(lambda: endpoint.received, "a push")
        server.kill()
        endpoint.status = 200
        endpoint.received.clear()
        server.start()

        def arrived() -> set[str]:
            return {json.loads(r.body)["message"]["messageId"] for r in endpoint.received}

        wait_until(lambda: arrived() == published, "every message", 20)


def test_a_start_with_50_000_messages_is_fast_and_needs_little_memory(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server:
        create(server)
        messages = [PubsubMessage(data=b"x" * 200)] * 1000
        with GapicPublisherClient(
            transport=PublisherGrpcTransport(channel=grpc.insecure_channel(server.address))
        ) as plain:
            for _ in range(50):
                plain.publish(topic=TOPIC, messages=messages)
        # All are outstanding, the state that takes longest to read.
        with server.subscriber() as subscriber:
            out = 0
            while out < 50_000:
                out += len(subscriber.pull(subscription=SUBSCRIPTION, max_messages=1000, timeout=10).received_messages)
        assert server.restart() < 2 * slowness()
        assert psutil.Process(server.pid).memory_info().rss < 150 * 2**20


def test_messages_that_are_acknowledged_everywhere_are_deleted_from_disk(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server, server.publisher() as publisher, server.subscriber() as subscriber:
        create(server)
        database = server.state_dir / "pubsub.sqlite"
        sizes = []
        for _ in range(4):
            seen: set[str] = set()

            def callback(message: Message, seen: set[str] = seen) -> None:
                seen.add(message.message_id)
                message.ack()

            for future in [publisher.publish(TOPIC, bytes(1000)) for _ in range(2000)]:
                future.result(20)
            stream = subscriber.subscribe(SUBSCRIPTION, callback)
            wait_until(lambda seen=seen: len(seen) == 2000, "all messages", 30)
            stream.cancel()
            stream.result(20)
            wait_until(lambda: _messages(database) == 0, "an empty message table", 20)
            sizes.append(sum(file.stat().st_size for file in server.state_dir.iterdir()))
        assert sizes[3] <= sizes[1] * 1.2, f"the files grow with history: {sizes} bytes"


def _messages(database: Path) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])
