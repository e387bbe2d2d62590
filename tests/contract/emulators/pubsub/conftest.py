"""One server per test file, official clients on it, and a push endpoint."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.cloud import pubsub_v1

from support.pubsub_server import PubsubServer
from support.push_endpoint import Endpoint

PROJECT = "contract"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PubsubServer]:
    with PubsubServer(tmp_path_factory.mktemp("pubsub") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def publisher(server: PubsubServer) -> Iterator[pubsub_v1.PublisherClient]:
    with server.publisher() as client:
        yield client


@pytest.fixture(scope="module")
def subscriber(server: PubsubServer) -> Iterator[pubsub_v1.SubscriberClient]:
    with server.subscriber() as client:
        yield client


@pytest.fixture
def topic(publisher: pubsub_v1.PublisherClient) -> str:
    """The name of a new topic."""
    name = f"projects/{PROJECT}/topics/topic-{next(_numbers)}"
    publisher.create_topic(name=name)
    return name


@pytest.fixture
def subscribe(subscriber: pubsub_v1.SubscriberClient, topic: str) -> Callable[..., str]:
    """Makes a subscription to ``topic`` with the given fields and returns its name."""

    def make(**fields: Any) -> str:
        name = f"projects/{PROJECT}/subscriptions/subscription-{next(_numbers)}"
        subscriber.create_subscription(request={"name": name, "topic": topic, **fields})
        return name

    return make


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    running = Endpoint()
    yield running
    running.close()
