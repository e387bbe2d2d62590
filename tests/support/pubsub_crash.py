"""Kills a Pub/Sub server repeatedly under load, and checks its guarantees."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable

from google.api_core import exceptions
from google.api_core.retry import Retry
from google.cloud.pubsub_v1.types import BatchSettings

from support.pubsub_server import PubsubServer
from support.waiting import wait_until

TOPIC, SUBSCRIPTION = "projects/crash/topics/top", "projects/crash/subscriptions/sub"
BETWEEN_KILLS = 500  # messages acknowledged


class Load:
    """One client publishes and one consumes, through every outage; both record what the server has confirmed."""

    def __init__(self, server: PubsubServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self._patient = Retry(
            predicate=lambda error: isinstance(error, exceptions.ServiceUnavailable),
            initial=0.05,
            maximum=0.2,
            timeout=60,
        )
        self.published: set[str] = set()
        self.delivered: set[str] = set()
        self.acknowledged: set[str] = set()
        self.redelivered: set[str] = set()
        self.errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, args=(work,)) for work in (self._produce, self._consume)]
        for thread in self._threads:
            thread.start()

    def _run(self, work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - the test's thread raises it
            self.errors.append(error)

    def _produce(self) -> None:
        settings = BatchSettings(max_messages=50, max_latency=0.005)
        with self._server.publisher(batch_settings=settings) as publisher:
            while not self._stop.is_set():
                futures = [publisher.publish(TOPIC, b"x" * 100, retry=self._patient) for _ in range(100)]
                self.published.update(future.result(60) for future in futures)

    def _consume(self) -> None:
        with self._server.subscriber() as subscriber:
            while not self._stop.is_set():
                self.take(subscriber)

    def take(self, subscriber: object) -> None:
        """Pull the available messages and acknowledge them, with unary calls, which the server confirms."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            received = subscriber.pull(  # type: ignore[attr-defined]
                subscription=SUBSCRIPTION, max_messages=100, retry=self._patient, return_immediately=True
            ).received_messages
        ids = {r.message.message_id for r in received}
        self.redelivered.update(ids & self.acknowledged)
        self.delivered.update(ids)
        if received:
            ack_ids = [r.ack_id for r in received]
            subscriber.acknowledge(  # type: ignore[attr-defined]
                subscription=SUBSCRIPTION, ack_ids=ack_ids, retry=self._patient
            )
            self.acknowledged.update(ids)

    def wait_for_progress(self) -> None:
        target = len(self.acknowledged) + BETWEEN_KILLS
        wait_until(lambda: self.errors or len(self.acknowledged) > target, f"{BETWEEN_KILLS} more messages", 30)
        if self.errors:
            raise self.errors[0]

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(90)
            assert not thread.is_alive()
        if self.errors:
            raise self.errors[0]


def kill_under_load(server: PubsubServer, kills: int, restart: Callable[[], object] | None = None) -> int:
    """Kill a fresh server; check that published messages arrive and acknowledged ones are not redelivered.

    ``restart`` replaces the server's own. Returns the number of messages published.
    """
    server.publisher().create_topic(name=TOPIC)
    server.subscriber().create_subscription(name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=10)
    load = Load(server)
    try:
        for _ in range(kills):
            load.wait_for_progress()
            (restart or server.restart)()
        load.wait_for_progress()
    finally:
        load.stop()
    # Messages that were leased at a kill are redelivered after their deadline.
    with server.subscriber() as subscriber:

        def all_delivered() -> bool:
            load.take(subscriber)
            return load.published <= load.delivered

        wait_until(all_delivered, "every message that was published", 30)
    assert not load.redelivered, f"{len(load.redelivered)} messages were redelivered after their acknowledgement"
    return len(load.published)
