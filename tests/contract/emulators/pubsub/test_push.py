"""Push to real HTTP endpoints: wrapped, unwrapped, and as CloudEvents to a function under functions-framework."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.types import PublisherOptions
from google.protobuf.duration_pb2 import Duration

from support.pubsub_server import PubsubServer
from support.push_endpoint import Endpoint, Received
from support.waiting import wait_until

Publisher = pubsub_v1.PublisherClient
Subscriber = pubsub_v1.SubscriberClient

FUNCTION = """
import json, os
import functions_framework

@functions_framework.cloud_event
def on_event(event):
    with open(os.environ["EVENTS"], "a") as events:
        events.write(json.dumps({"attributes": dict(event.get_attributes()), "data": event.data}) + "\\n")
    if os.path.exists(os.environ["EVENTS"] + ".fail"):
        raise RuntimeError("not now")
"""


class Function:
    """A CloudEvent function under functions-framework; :meth:`events` returns the events it has received."""

    def __init__(self, folder: Path) -> None:
        (folder / "main.py").write_text(FUNCTION)
        self._events = folder / "events.jsonl"
        self._events.touch()
        self._fail = folder / "events.jsonl.fail"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-m",
                    "functions_framework",
                    "--target",
                    "on_event",
                    "--signature-type",
                    "cloudevent",
                ),
                *("--host", "127.0.0.1", "--port", str(self.port)),
            ],
            cwd=folder,
            env={**os.environ, "EVENTS": str(self._events)},
            stdout=(folder / "log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        wait_until(self._answers, "functions-framework listens", 20)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "functions-framework ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def fail(self, failing: bool) -> None:
        self._fail.touch() if failing else self._fail.unlink()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._events.read_text().splitlines()]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    running = Function(tmp_path_factory.mktemp("function"))
    yield running
    running.close()


def all_pushed(subscriber: Subscriber, subscription: str) -> bool:
    """Whether no message is left to push: without its endpoint, a pull from the subscription returns none."""
    subscriber.modify_push_config(subscription=subscription, push_config={})
    response = subscriber.pull(subscription=subscription, max_messages=1, return_immediately=True)
    return not response.received_messages


def test_a_function_gets_cloud_events(
    server: PubsubServer, topic: str, subscribe: Callable[..., str], function: Function
) -> None:
    before = len(function.events())
    subscription = subscribe(
        push_config={"push_endpoint": function.url, "attributes": {"x-emulator-push-format": "cloudevent"}},
        enable_message_ordering=True,
        dead_letter_policy={"dead_letter_topic": topic},
        retry_policy={"minimum_backoff": Duration(nanos=100_000_000), "maximum_backoff": Duration(seconds=1)},
    )
    function.fail(True)
    with server.publisher(publisher_options=PublisherOptions(enable_message_ordering=True)) as publisher:
        future = publisher.publish(topic, "blå bär".encode(), ordering_key="k", album="spring-10k")
        message_id = future.result(10)
    wait_until(lambda: len(function.events()) > before, "the first attempt")
    function.fail(False)
    wait_until(lambda: len(function.events()) > before + 1, "a second attempt")
    first, *_, last = function.events()[before:]
    assert first["data"]["deliveryAttempt"] == 1
    assert last["data"]["deliveryAttempt"] > 1
    attributes = last["attributes"]
    assert attributes["type"] == "google.cloud.pubsub.topic.v1.messagePublished"
    assert attributes["source"] == f"//pubsub.googleapis.com/{topic}"
    assert attributes["id"] == message_id
    assert last["data"]["subscription"] == subscription
    message = last["data"]["message"]
    assert base64.b64decode(message["data"]).decode() == "blå bär"
    assert message["attributes"] == {"album": "spring-10k"}
    assert message["messageId"] == message_id
    assert message["orderingKey"] == "k"
    assert attributes["time"] == message["publishTime"]


def test_wrapped(
    publisher: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str], endpoint: Endpoint
) -> None:
    subscription = subscribe(push_config={"push_endpoint": endpoint.url})
    message_id = publisher.publish(topic, b"body", colour="red").result(10)
    [request] = wait_until(lambda: list(endpoint.received), "a push")
    assert request.headers["content-type"] == "application/json"
    assert "ce-id" not in request.headers
    envelope = json.loads(request.body)
    published = envelope["message"].pop("publishTime")
    assert envelope["message"].pop("publish_time") == published
    assert abs(time.time() - datetime.fromisoformat(published).timestamp()) < 60
    assert envelope == {
        "message": {
            "data": base64.b64encode(b"body").decode(),
            "attributes": {"colour": "red"},
            "messageId": message_id,
            "message_id": message_id,
        },
        "subscription": subscription,
    }
    assert all_pushed(subscriber, subscription)


def test_unwrapped_with_metadata(
    publisher: Publisher, topic: str, subscribe: Callable[..., str], endpoint: Endpoint
) -> None:
    subscription = subscribe(push_config={"push_endpoint": endpoint.url, "no_wrapper": {"write_metadata": True}})
    message_id = publisher.publish(topic, b"\x00raw", colour="red", **{"not a header": "x"}).result(10)
    [request] = wait_until(lambda: list(endpoint.received), "a push")
    assert request.body == b"\x00raw"
    assert request.headers["colour"] == "red"
    assert request.headers["x-goog-pubsub-message-id"] == message_id
    assert request.headers["x-goog-pubsub-subscription-name"] == subscription
    assert "x-goog-pubsub-publish-time" in request.headers


@pytest.mark.parametrize(
    ("status", "accepted"),
    [(200, True), (201, True), (202, True), (204, True), (302, False), (400, False), (500, False)],
)
def test_which_http_statuses_accept(
    publisher: Publisher,
    topic: str,
    subscribe: Callable[..., str],
    endpoint: Endpoint,
    status: int,
    accepted: bool,
) -> None:
    endpoint.status = lambda _request: status if len(endpoint.received) == 1 else 200
    subscribe(push_config={"push_endpoint": endpoint.url})
    publisher.publish(topic, b"first").result(10)
    wait_until(lambda: endpoint.received, "a push")
    publisher.publish(topic, b"second").result(10)
    expected = 2 if accepted else 3
    wait_until(lambda: len(endpoint.received) >= expected, f"{expected} requests")
    bodies = [base64.b64decode(json.loads(r.body)["message"]["data"]) for r in endpoint.received]
    assert bodies.count(b"first") == (1 if accepted else 2)


def test_the_retry_policy_delays_a_push(
    publisher: Publisher, topic: str, subscribe: Callable[..., str], endpoint: Endpoint
) -> None:
    endpoint.status = lambda _request: 500 if len(endpoint.received) < 4 else 200
    subscribe(
        push_config={"push_endpoint": endpoint.url},
        retry_policy={"minimum_backoff": Duration(nanos=300_000_000), "maximum_backoff": Duration(nanos=600_000_000)},
    )
    publisher.publish(topic, b"x").result(10)
    wait_until(lambda: len(endpoint.received) == 4, "four attempts")
    gaps = [b.at - a.at for a, b in zip(endpoint.received, endpoint.received[1:], strict=False)]
    for gap, least in zip(gaps, (0.3, 0.6, 0.6), strict=True):
        assert least * 0.95 < gap < least + 2, f"gaps of {gaps} s should be 0.3, 0.6, 0.6 s"


def test_an_endpoint_that_is_down_gets_fewer_requests_until_it_is_back(
    publisher: Publisher, topic: str, subscribe: Callable[..., str], endpoint: Endpoint
) -> None:
    endpoint.status = 503
    subscribe(push_config={"push_endpoint": endpoint.url})
    for future in [publisher.publish(topic, b"%d" % i) for i in range(100)]:
        future.result(10)
    started = time.monotonic()
    wait_until(lambda: time.monotonic() - started > 1, "a second of failure")
    assert len(endpoint.received) < 20, "an endpoint that fails gets fewer and fewer requests"
    endpoint.status = 200
    failed = len(endpoint.received)
    wait_until(lambda: len(endpoint.received) >= failed + 100, "everything after the endpoint is back")
    bodies = {json.loads(r.body)["message"]["data"] for r in endpoint.received[-100:]}
    assert len(bodies) == 100


def test_slow_start(publisher: Publisher, topic: str, subscribe: Callable[..., str], endpoint: Endpoint) -> None:
    def slow(_request: Received) -> int:
        time.sleep(0.05)
        return 200

    endpoint.status = slow
    subscribe(push_config={"push_endpoint": endpoint.url})
    for future in [publisher.publish(topic, b"%d" % i) for i in range(3)]:
        future.result(10)
    wait_until(lambda: len(endpoint.received) == 3, "the first three")
    assert endpoint.most_at_once <= 3
    for future in [publisher.publish(topic, b"%d" % i) for i in range(200)]:
        future.result(10)
    wait_until(lambda: len(endpoint.received) == 203, "the rest", 20)
    assert 10 < endpoint.most_at_once <= 64


def test_oidc_token(
    server: PubsubServer, publisher: Publisher, topic: str, subscribe: Callable[..., str], endpoint: Endpoint
) -> None:
    subscribe(
        push_config={
            "push_endpoint": endpoint.url,
            "oidc_token": {"service_account_email": "pusher@p.iam.gserviceaccount.com", "audience": "the-audience"},
        }
    )
    publisher.publish(topic, b"x").result(10)
    [request] = wait_until(lambda: list(endpoint.received), "a push")
    kind, token = request.headers["authorization"].split()
    assert kind == "Bearer"
    claims = jwt.decode(token, certs=_public_key(server.state_dir), audience="the-audience")
    assert claims["email"] == "pusher@p.iam.gserviceaccount.com"
    assert claims["iss"] == "https://accounts.google.com"


def _public_key(state_dir: Path) -> bytes:
    [key] = json.loads((state_dir / "oidc-jwks.json").read_text())["keys"]
    n, e = (int.from_bytes(base64.urlsafe_b64decode(key[name] + "==")) for name in ("n", "e"))
    public = rsa.RSAPublicNumbers(e, n).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
