"""The server as a process: its start, its end, its neighbours, and what it keeps when it is killed."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import psutil
import pytest
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.cloud.pubsub_v1.types import BatchSettings, FlowControl
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import PublisherClient as GapicPublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.types import PubsubMessage
from grpc_health.v1 import health_pb2, health_pb2_grpc

from support.pubsub_server import PubsubServer, wait_until
from support.push_endpoint import Endpoint

pytestmark = pytest.mark.filterwarnings("ignore:The return_immediately flag:DeprecationWarning")
TOPIC, SUBSCRIPTION = "projects/p/topics/top", "projects/p/subscriptions/sub"


def run_server(*options: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is expected to end by itself."""
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


def pull(server: PubsubServer, limit: int = 1000) -> list:
    response = server.subscriber().pull(subscription=SUBSCRIPTION, max_messages=limit, return_immediately=True)
    return list(response.received_messages)


def test_a_taken_state_directory_and_a_taken_port_are_told(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "one") as server:
        taken = run_server("--state-dir", str(server.state_dir))
        assert taken.returncode == 2
        assert taken.stderr.strip() == (
            f"{server.state_dir} is in use by another process: stop that one, or give another --state-dir"
        )
        taken = run_server("--state-dir", str(tmp_path / "two"), "--port", str(server.port))
        assert taken.returncode == 2
        assert f"127.0.0.1:{server.port} is taken: stop what listens there, or give another --port" in taken.stderr


def test_two_servers_side_by_side(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "one") as one, PubsubServer(tmp_path / "two") as two:
        create(one)
        with pytest.raises(exceptions.NotFound):
            two.publisher().get_topic(topic=TOPIC)
        create(two)
        one.publisher().publish(TOPIC, b"x").result(10)
        assert len(pull(one)) == 1
        assert pull(two) == []


def test_it_is_healthy_and_ends_well(tmp_path: Path) -> None:
    server = PubsubServer(tmp_path / "state").start()
    with grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "google.pubsub.v1.Publisher", "google.pubsub.v1.Subscriber"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert server.stop() == 0
    for line in server.log_path.read_text().splitlines():
        assert {"severity", "time", "message"} <= json.loads(line).keys()


def test_a_kill_keeps_configuration_leases_and_backoff(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server:
        create(
            server,
            retry_policy={"minimum_backoff": Duration(seconds=1), "maximum_backoff": Duration(seconds=4)},
            dead_letter_policy={"dead_letter_topic": TOPIC},
            labels={"a": "b"},
        )
        before = server.subscriber().get_subscription(subscription=SUBSCRIPTION)
        for body in (b"acked", b"leased", b"nacked", b"new"):
            server.publisher().publish(TOPIC, body).result(10)
        acked, leased, nacked = pull(server, limit=3)
        subscriber = server.subscriber()
        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[acked.ack_id])
        subscriber.modify_ack_deadline(subscription=SUBSCRIPTION, ack_ids=[leased.ack_id], ack_deadline_seconds=2)
        subscriber.modify_ack_deadline(subscription=SUBSCRIPTION, ack_ids=[nacked.ack_id], ack_deadline_seconds=0)
        changed = time.monotonic()

        server.restart()

        assert server.subscriber().get_subscription(subscription=SUBSCRIPTION) == before
        assert [r.message.data for r in pull(server)] == [b"new"]
        came: dict[bytes, tuple[float, int]] = {}
        while len(came) < 2:
            for received in server.subscriber().pull(subscription=SUBSCRIPTION, max_messages=9).received_messages:
                came[received.message.data] = (time.monotonic() - changed, received.delivery_attempt)
                server.subscriber().acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.ack_id])
        assert came.keys() == {b"nacked", b"leased"}, "what was acknowledged stays acknowledged"
        for body, at_least in ((b"nacked", 1), (b"leased", 3)):  # the lease of 2 s, and then the back-off of 1 s
            at, attempt = came[body]
            assert at_least - 0.3 < at < at_least + 3, f"{body!r} came after {at:.1f} s instead of {at_least}"
            assert attempt == 2


def test_an_old_ack_id_counts_after_a_kill(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server:
        create(server)
        server.publisher().publish(TOPIC, b"x").result(10)
        [received] = pull(server)
        server.restart()
        server.subscriber().acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.ack_id])
        server.restart()
        assert pull(server) == []


def test_kills_under_load_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Publish and consume through three kills: what Publish answered arrives, what was acknowledged stays away."""
    published: set[str] = set()
    delivered: set[str] = set()
    acknowledged: set[str] = set()
    come_again: set[str] = set()
    stop = threading.Event()
    # The library's acknowledgements without exactly-once have no answer, so this consumer uses the calls that have.
    patient = Retry(predicate=lambda error: isinstance(error, exceptions.ServiceUnavailable), initial=0.05, timeout=30)

    with PubsubServer(tmp_path / "state") as server:
        create(server, ack_deadline_seconds=10)

        def produce() -> None:
            with server.publisher(batch_settings=BatchSettings(max_messages=50, max_latency=0.005)) as publisher:
                while not stop.is_set():
                    futures = [publisher.publish(TOPIC, b"x" * 100, retry=patient) for _ in range(100)]
                    published.update(future.result(30) for future in futures)

        def consume() -> None:
            with server.subscriber() as subscriber:
                while not stop.is_set():
                    received = subscriber.pull(
                        subscription=SUBSCRIPTION, max_messages=100, retry=patient, return_immediately=True
                    ).received_messages
                    ids = {r.message.message_id for r in received}
                    come_again.update(ids & acknowledged)
                    delivered.update(ids)
                    if received:
                        ack_ids = [r.ack_id for r in received]
                        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ack_ids, retry=patient)
                        acknowledged.update(ids)

        threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            mark = len(acknowledged) + 1000
            wait_until(lambda mark=mark: len(acknowledged) > mark, "a thousand more messages", 20)
            server.restart()
        mark = len(acknowledged) + 1000
        wait_until(lambda: len(acknowledged) > mark, "the server works on after the last kill", 20)
        stop.set()
        for thread in threads:
            thread.join(40)
            assert not thread.is_alive()

        # What was leased to nobody at a kill comes after its deadline.
        def drain() -> bool:
            for received in pull(server):
                assert received.message.message_id not in acknowledged
                delivered.add(received.message.message_id)
            return published <= delivered

        wait_until(drain, "every published message", 20)
        assert not come_again, f"{len(come_again)} messages came again after they were acknowledged"


def test_push_goes_on_after_a_kill(tmp_path: Path, endpoint: Endpoint) -> None:
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


def test_a_start_with_50_000_messages_is_quick_and_memory_small(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server:
        create(server)
        messages = [PubsubMessage(data=b"x" * 200)] * 1000
        with GapicPublisherClient(
            transport=PublisherGrpcTransport(channel=grpc.insecure_channel(server.address))
        ) as plain:
            for _ in range(50):
                plain.publish(topic=TOPIC, messages=messages)
        # All of them out: the state that takes longest to read back.
        with server.subscriber() as subscriber:
            out = 0
            while out < 50_000:
                out += len(subscriber.pull(subscription=SUBSCRIPTION, max_messages=1000, timeout=10).received_messages)
        server.kill()
        started = time.monotonic()
        server.start()
        assert time.monotonic() - started < 2 * slowness()
        assert psutil.Process(server.pid).memory_info().rss < 150 * 2**20


def slowness() -> float:
    """How much longer a Python process needs to start here than on an idle machine; at least 1."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import google.pubsub_v1, grpc"], check=True)
    return max(1.0, (time.monotonic() - started) / 0.5)


def test_what_everybody_has_acknowledged_leaves_the_disk(tmp_path: Path) -> None:
    with PubsubServer(tmp_path / "state") as server:
        create(server)
        database = server.state_dir / "pubsub.sqlite"
        sizes = []
        for _ in range(3):
            count = 0
            done = threading.Event()

            def callback(message: object, done: threading.Event = done) -> None:
                nonlocal count
                message.ack_with_response().result(10)  # type: ignore[attr-defined]
                count += 1
                if count == 2000:
                    done.set()

            with server.publisher() as publisher, server.subscriber() as subscriber:
                for future in [publisher.publish(TOPIC, bytes(1000)) for _ in range(2000)]:
                    future.result(10)
                stream = subscriber.subscribe(SUBSCRIPTION, callback, flow_control=FlowControl(max_messages=500))
                assert done.wait(20)
                stream.cancel()
                stream.result(10)
            wait_until(lambda: _messages(database) == 0, "an empty message table", 10)
            sizes.append(database.stat().st_size)
        assert sizes[2] <= sizes[0] * 1.5, f"the file grows with history: {sizes}"


def _messages(database: Path) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])
