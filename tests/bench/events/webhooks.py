"""How long an event takes to ten servers while an eleventh answers as they do, and while it never answers.

Events are recorded in a real Postgres at a given rate, each for one webhook; relay and deliveries run as in the
function, with its threads and its pool of connections; the servers are real, on this machine. Rounds of both
kinds alternate in one run, so that what else the machine does weighs on both:

    cd tests && ../.venv/bin/python -m bench.events.webhooks --rate 100 --seconds 18 --rounds 5
"""

from __future__ import annotations

import argparse
import json
import queue
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from photofinish.adapters.internet.webhook_sender import PinnedSender
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.webhooks.deliveries import PgWebhookDeliveries
from photofinish.adapters.postgres.webhooks.registry import PgWebhooks
from photofinish.application.webhooks.delivering import WebhookDeliverer
from photofinish.application.webhooks.relaying import WebhookRelay
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, fact_id
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.webhook_signature import key_id_of
from support.postgres import fresh_database
from support.webhook_receiver import Receiver, receiver, respond

GOOD = 10
THREADS = 40  # terraform/functions.tf
KEYS = SecretVersions.parse("k" * 32)


@dataclass
class Messages:
    """Messages to the function's threads: what Pub/Sub does, without its time."""

    waiting: queue.SimpleQueue[int | None] = field(default_factory=queue.SimpleQueue)
    nudged: threading.Event = field(default_factory=threading.Event)

    def announce(self, delivery_ids: Sequence[int]) -> None:
        for delivery_id in delivery_ids:
            self.waiting.put(delivery_id)

    def nudge(self) -> None:
        self.nudged.set()


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield f"http://localhost:{server.getsockname()[1]}/"


@contextmanager
def _url_of_one_that_answers() -> Iterator[str]:
    with receiver() as made:
        yield made.url


@contextmanager
def function(messages: Messages, database: Database) -> Iterator[None]:
    """The function `deliver_webhooks`: a thread per concurrent message, one of them relays."""
    deliveries = PgWebhookDeliveries(database)
    relay = WebhookRelay(PgEventLog(database), PgWebhooks(database), deliveries, messages)
    deliverer = WebhookDeliverer(deliveries, PinnedSender(), messages, KEYS, allow_loopback=True)
    ended = threading.Event()

    def deliver() -> None:
        while (delivery_id := messages.waiting.get()) is not None:
            deliverer.deliver(delivery_id)

    def relay_nudges() -> None:
        while not ended.is_set():
            if messages.nudged.wait(0.5):
                messages.nudged.clear()
                relay.run()

    threads = [threading.Thread(target=deliver, daemon=True) for _ in range(THREADS - 1)]
    threads.append(threading.Thread(target=relay_nudges, daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for _ in threads:
            messages.waiting.put(None)
        for thread in threads:
            thread.join()


def measure(rate: float, seconds: float, *, dead: bool) -> tuple[list[float], int]:
    """Milliseconds from recording an event to its request at a good server; and how many requests never came."""
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database())
        database, recording = Database(url), Database(url)
        servers = [stack.enter_context(receiver()) for _ in range(GOOD)]
        arrived: dict[str, float] = {}
        webhooks = PgWebhooks(database)
        for number, server in enumerate(servers):
            _note_arrivals(server, arrived)
            _add(webhooks, server.url, number)
        eleventh = silent_server() if dead else _url_of_one_that_answers()
        _add(webhooks, stack.enter_context(eleventh), GOOD)
        messages, log = Messages(), PgEventLog(recording)
        sent: dict[str, float] = {}
        with function(messages, database):
            begin_s = time.perf_counter()
            for number in range(round(rate * seconds)):
                time.sleep(max(0.0, begin_s + number / rate - time.perf_counter()))
                webhook = number % (GOOD + 1)
                one = _event(webhook, number)
                if webhook < GOOD:
                    sent[str(one.id)] = time.perf_counter()
                log.append([one])
                messages.nudge()
            deadline_s = time.perf_counter() + 60
            while len(arrived) < len(sent) and time.perf_counter() < deadline_s:
                time.sleep(0.05)
        database.close()
        recording.close()
    return [1000 * (arrived[one] - at) for one, at in sent.items() if one in arrived], len(sent) - len(arrived)


def _note_arrivals(server: Receiver, arrived: dict[str, float]) -> None:
    answer = respond()

    def note(handler: object) -> None:
        arrived.setdefault(server.received[-1].headers["webhook-id"], time.perf_counter())
        answer(handler)  # type: ignore[arg-type]

    server.respond = note


def _add(webhooks: PgWebhooks, url: str, number: int) -> None:
    wanted = EventFilter(folder=str(number))
    webhooks.add("race", url, wanted, description="", key_id=key_id_of(KEYS.current))


def _event(webhook: int, number: int) -> AlbumEvent:
    return AlbumEvent(
        id=fact_id(webhook, number),
        type=EventType.PHOTO_DONE,
        album="race",
        occurred_at=datetime.now(UTC),
        folder=str(webhook),
    )


def _percentiles(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"p50_ms": round(cuts[49], 1), "p95_ms": round(cuts[94], 1), "p99_ms": round(cuts[98], 1)}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rate", type=float, default=100, help="events a second, for the eleven in turn")
    arguments.add_argument("--seconds", type=float, default=18)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    rounds: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    missing = 0
    for _ in range(given.rounds):
        for dead in (False, True):
            times, lost = measure(given.rate, given.seconds, dead=dead)
            rounds[dead].append(_percentiles(times))
            missing += lost
            print(json.dumps({"dead": dead, "missing": lost} | rounds[dead][-1]), flush=True)
    # Of rounds the median: what else runs on the machine makes single ones slow.
    all_good, one_dead = (
        {name: statistics.median(one[name] for one in rounds[dead]) for name in rounds[dead][0]}
        for dead in (False, True)
    )
    ratio = round(one_dead["p95_ms"] / all_good["p95_ms"], 2)
    print(json.dumps({"all_good": all_good, "one_dead": one_dead, "p95_ratio": ratio, "missing": missing}))


if __name__ == "__main__":
    main()
