"""Ordering keys, as documented at https://docs.cloud.google.com/pubsub/docs/ordering, by pull, stream and push."""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from queue import SimpleQueue
from threading import Event

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.types import PublisherOptions
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import types

from support.pubsub_server import PubsubServer, ack, bodies, nack, publish, pull, set_deadline
from support.push_endpoint import Endpoint, Received
from support.waiting import DEADLINE_S, wait_until

Publisher = pubsub_v1.PublisherClient
Subscriber = pubsub_v1.SubscriberClient


@pytest.fixture(scope="module")
def ordered(server: PubsubServer) -> Iterator[Publisher]:
    """A publisher that accepts ordering keys."""
    with server.publisher(publisher_options=PublisherOptions(enable_message_ordering=True)) as client:
        yield client


def assert_in_order(deliveries: list[int], failed: set[int]) -> None:
    """Each delivery is of the next message, or of one that failed, from which on all come again."""
    assert deliveries[0] == 0
    for before, number in pairwise(deliveries):
        assert number == before + 1 or number in failed, f"{number} came after {before} in {deliveries}"


def test_the_client_librarys_subscriber_receives_keys_in_order(
    ordered: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    """Over a stream, with failures."""
    subscription = subscribe(enable_message_ordering=True)
    seen: dict[str, list[int]] = defaultdict(list)
    failed: dict[str, set[int]] = defaultdict(set)

    def callback(message: pubsub_v1.subscriber.message.Message) -> None:
        number = int(message.data)
        seen[message.ordering_key].append(number)
        if number % 7 == 3 and number not in failed[message.ordering_key]:
            failed[message.ordering_key].add(number)
            message.nack()
        else:
            message.ack()

    future = subscriber.subscribe(subscription, callback)
    for number in range(20):
        for key in "abc":
            ordered.publish(topic, b"%d" % number, ordering_key=key)
    # 17 is the last that fails; it and all after it come again.
    wait_until(lambda: all(seen[key].count(19) > 0 and seen[key].count(17) > 1 for key in "abc"), "all messages")
    wait_until(lambda: all(seen[key][-1] == 19 for key in "abc"), "the last messages")
    future.cancel()
    future.result(10)
    for key in "abc":
        assert_in_order(seen[key], failed[key])
        assert set(seen[key]) == set(range(20))


def test_a_stream_gets_a_whole_key_without_acknowledging(
    server: PubsubServer, ordered: Publisher, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe(enable_message_ordering=True)
    publish(ordered, topic, *[b"%d" % i for i in range(1000)], key="k")
    with server.subscriber() as client:
        first = types.StreamingPullRequest(subscription=subscription, stream_ack_deadline_seconds=60)
        requests: SimpleQueue[types.StreamingPullRequest | None] = SimpleQueue()
        requests.put(first)
        stream = client.streaming_pull(iter(requests.get, None))
        received: list[bytes] = []
        for response in stream:
            received += bodies(response.received_messages)
            if len(received) == 1000:
                break
        requests.put(None)
    assert received == [b"%d" % i for i in range(1000)]


def test_a_pull_gets_a_batch_and_the_next_one_waits_for_its_acknowledgement(
    ordered: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe(enable_message_ordering=True)
    publish(ordered, topic, b"a1", b"a2", b"a3", key="a")
    publish(ordered, topic, b"b1", key="b")
    publish(ordered, topic, b"free")
    first = pull(subscriber, subscription, limit=2)
    assert bodies(first) == [b"a1", b"a2"]
    others = pull(subscriber, subscription)
    assert sorted(bodies(others)) == [b"b1", b"free"], "only messages of a busy key wait"
    ack(subscriber, subscription, first[0])
    assert pull(subscriber, subscription) == []
    ack(subscriber, subscription, first[1])
    assert bodies(pull(subscriber, subscription)) == [b"a3"]


def test_after_a_failure_all_later_messages_of_the_key_come_again_even_acknowledged_ones(
    ordered: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe(
        enable_message_ordering=True, retry_policy={"minimum_backoff": Duration(nanos=300_000_000)}
    )
    publish(ordered, topic, b"1", b"2", b"3", b"4", key="k")
    publish(ordered, topic, b"x", key="other")
    one, two, three, four, other = pull(subscriber, subscription)
    ack(subscriber, subscription, one, four, other)
    nack(subscriber, subscription, two)
    assert pull(subscriber, subscription) == [], "neither the failed one before its delay, nor later ones"
    ack(subscriber, subscription, three)  # too late: it is to be redelivered anyway
    again = wait_until(lambda: pull(subscriber, subscription), "the failed one again")
    assert bodies(again) == [b"2", b"3", b"4"]
    ack(subscriber, subscription, *again)
    assert pull(subscriber, subscription) == []


def test_after_a_missed_deadline_later_messages_of_the_key_come_again(
    ordered: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    subscription = subscribe(enable_message_ordering=True)
    publish(ordered, topic, b"1", b"2", b"3", key="k")
    one, two, three = pull(subscriber, subscription)
    ack(subscriber, subscription, one)
    set_deadline(subscriber, subscription, 600, three)
    set_deadline(subscriber, subscription, 1, two)
    again = wait_until(lambda: pull(subscriber, subscription), "the message that missed its deadline")
    assert bodies(again) == [b"2", b"3"]


@pytest.mark.parametrize("first_fails", [False, True])
def test_early_acknowledgements_survive_a_kill(tmp_path_factory: pytest.TempPathFactory, first_fails: bool) -> None:
    with PubsubServer(tmp_path_factory.mktemp("ordered") / "state") as server:
        publisher = server.publisher(publisher_options=PublisherOptions(enable_message_ordering=True))
        subscriber = server.subscriber()
        topic, subscription = "projects/p/topics/top", "projects/p/subscriptions/sub"
        publisher.create_topic(name=topic)
        subscriber.create_subscription(request={"name": subscription, "topic": topic, "enable_message_ordering": True})
        publish(publisher, topic, *[b"%d" % i for i in range(6)], key="k")
        first, second, third = pull(subscriber, subscription, limit=3)
        ack(subscriber, subscription, second, third)
        server.restart()
        assert pull(subscriber, subscription) == [], "the first one is still out"
        if first_fails:
            nack(subscriber, subscription, first)
            expected = [b"%d" % i for i in range(6)]
        else:
            ack(subscriber, subscription, first)
            expected = [b"3", b"4", b"5"]
        assert bodies(pull(subscriber, subscription)) == expected


def test_with_exactly_once_delivery_acknowledgements_must_be_in_order(
    ordered: Publisher, subscriber: Subscriber, topic: str, subscribe: Callable[..., str]
) -> None:
    """https://docs.cloud.google.com/pubsub/docs/exactly-once-delivery: otherwise they fail with temporary errors."""
    subscription = subscribe(enable_message_ordering=True, enable_exactly_once_delivery=True)
    publish(ordered, topic, b"1", b"2", b"3", key="k")
    one, two, three = pull(subscriber, subscription)
    with pytest.raises(exceptions.InvalidArgument) as refused:
        ack(subscriber, subscription, two)
    assert dict(refused.value.metadata) == {two.ack_id: "TRANSIENT_FAILURE_UNORDERED_ACK_ID"}
    ack(subscriber, subscription, two, one)  # in one request their order does not matter
    nack(subscriber, subscription, three)
    assert bodies(pull(subscriber, subscription)) == [b"3"]


def test_a_push_endpoint_gets_one_message_of_a_key_at_a_time_and_in_order(
    ordered: Publisher, topic: str, subscribe: Callable[..., str], endpoint: Endpoint
) -> None:
    """The first message of one key is held until the other key has got three: a second one would meet it."""
    seen: dict[str, list[int]] = defaultdict(list)
    out: Counter[str] = Counter()
    overlaps: list[tuple[str, int]] = []
    other_key_goes_on = Event()

    def answer(request: Received) -> int:
        message = json.loads(request.body)["message"]
        key, number = message["orderingKey"], int(base64.b64decode(message["data"]))
        if out[key]:
            overlaps.append((key, number))
        out[key] += 1
        seen[key].append(number)
        if (key, number) == ("a", 0):
            assert other_key_goes_on.wait(DEADLINE_S)
        if (key, number) == ("b", 2):
            other_key_goes_on.set()
        out[key] -= 1
        return 503 if number == 4 and seen[key].count(4) < 3 else 200

    endpoint.status = answer
    subscribe(enable_message_ordering=True, push_config={"push_endpoint": endpoint.url})
    for key in "ab":
        publish(ordered, topic, *[b"%d" % i for i in range(10)], key=key)
    wait_until(lambda: all(9 in seen[key] for key in "ab"), "all messages")
    assert not overlaps, "(key, number) that came while another message of the key was not answered"
    assert seen["a"] == seen["b"] == [0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9]
