"""How long a photo takes from `face.indexed` to the message about it, and what matching in Postgres costs.

An album has many subscriptions by selfie; photos are indexed at a given rate in a real Postgres, each with a few faces,
one of them a subscriber's. Matching and sending run as in the function, with its threads and its pool; messages go to
real servers on this machine. Then faces of photos are compared with all templates in both ways that were thought of, by
turns in one run: by the statement that is used, and by reading the templates and one matrix product. These are times
of the CPU, of this process and the server's together, so that what else the machine does weighs on neither.

    cd tests && ../.venv/bin/python -m bench.events.notifications --subscriptions 1000 --rate 50 --seconds 20
"""

from __future__ import annotations

import argparse
import json
import queue
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psutil
import psycopg
from psycopg import sql

from photofinish.adapters.internet.webhook_sender import PinnedSender
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.halfvec import unit_rows
from photofinish.adapters.postgres.subscriptions.notifications import PgNotifications
from photofinish.adapters.postgres.subscriptions.registry import PgSubscriptions
from photofinish.application.notifying.relaying import NotificationRelay
from photofinish.application.notifying.sending import Notifier
from photofinish.application.notifying.webhook_channel import WebhookChannel
from photofinish.domain.face import Embedding
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.subscription import Channel, Contact, Language, NewSubscription
from photofinish.domain.webhook_signature import key_id_of
from support.faces import face, photo, random_embeddings
from support.index import add
from support.postgres import fresh_database
from support.webhook_receiver import Receiver, receiver, respond

DIMENSION = 128  # of the default model
FACES = 4
SERVERS = 20
THREADS = 40  # terraform/functions.tf
MIN_SIMILARITY = 0.6
KEYS = SecretVersions.parse("k" * 32)


@dataclass
class Messages:
    """Messages to the function's threads: what Pub/Sub does, without its time."""

    waiting: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)
    nudged: threading.Event = field(default_factory=threading.Event)

    def announce(self, delivery_ids: Sequence[int]) -> None:
        raise AssertionError("there are no webhooks of the album")

    def notify(self, subscription_ids: Sequence[str]) -> None:
        for subscription_id in subscription_ids:
            self.waiting.put(subscription_id)

    def nudge(self) -> None:
        self.nudged.set()


@contextmanager
def function(messages: Messages, database: Database) -> Iterator[None]:
    """The function `deliver_webhooks`: a thread per concurrent message, one of them matches."""
    notifications = PgNotifications(database)
    relay = NotificationRelay(notifications, messages)
    channels = {Channel.WEBHOOK: WebhookChannel(PinnedSender(), KEYS, allow_loopback=True)}
    notifier = Notifier(notifications, lambda: channels, messages, KEYS, public_url="https://photos.example.org")
    ended = threading.Event()

    def send() -> None:
        while (subscription_id := messages.waiting.get()) is not None:
            notifier.deliver(subscription_id)

    def match() -> None:
        while not ended.is_set():
            if messages.nudged.wait(0.5):
                messages.nudged.clear()
                relay.run()

    threads = [threading.Thread(target=send, daemon=True) for _ in range(THREADS - 1)]
    threads.append(threading.Thread(target=match, daemon=True))
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


def measure(subscriptions: int, rate: float, seconds: float) -> dict[str, Any]:
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database())
        database, indexing = Database(url), Database(url)
        servers = [stack.enter_context(receiver()) for _ in range(SERVERS)]
        arrived: dict[str, float] = {}
        for server in servers:
            _note_arrivals(server, arrived)
        selfies = random_embeddings(subscriptions, DIMENSION, seed=1)
        strangers = random_embeddings(1000, DIMENSION, seed=2)
        index = PgFaceIndex(indexing)
        add(index, photo("race/first.jpg"), [face(strangers[0])])
        _subscribe(PgSubscriptions(indexing), servers, selfies)
        messages = Messages()
        sent: dict[str, float] = {}
        with function(messages, database):
            begin_s, rng = time.perf_counter(), np.random.default_rng(3)
            # No subscriber twice: the second message of one waits a minute by design.
            for number in range(min(round(rate * seconds), subscriptions)):
                time.sleep(max(0.0, begin_s + number / rate - time.perf_counter()))
                made = photo(f"race/{number}.jpg")
                others = [strangers[at] for at in rng.integers(1, len(strangers), FACES - 1)]
                add(index, made, [face(one, x=0.1 * at) for at, one in enumerate([selfies[number], *others])])
                sent[made.photo_id] = time.perf_counter()
                messages.nudge()
            took_s = time.perf_counter() - begin_s
            deadline_s = time.perf_counter() + 90
            while len(arrived) < len(sent) and time.perf_counter() < deadline_s:
                time.sleep(0.05)
        matching = compare(url)
        database.close()
        indexing.close()
    times_ms = sorted(1000 * (arrived[one] - at) for one, at in sent.items() if one in arrived)
    return {
        "photos": len(sent),
        "photos_per_s": round(len(sent) / took_s, 1),
        "never_told": len(sent) - len(times_ms),
        "p50_ms": round(statistics.median(times_ms), 1),
        "p95_ms": round(times_ms[round(0.95 * (len(times_ms) - 1))], 1),
        **matching,
    }


def compare(url: str, rounds: int = 12) -> dict[str, Any]:
    """CPU milliseconds to compare the faces of one photo, and of ten, with all templates, in both ways by turns."""
    with psycopg.connect(url) as conn:
        photos = [row[0] for row in conn.execute("SELECT photo_id FROM photo ORDER BY photo_id LIMIT 400")]
        server = psutil.Process(conn.info.backend_pid)
        took_s: dict[str, float] = defaultdict(float)
        for number in range(rounds):
            for count in (1, 10):
                start = number * 10 % (len(photos) - 10)
                for name, way in (("statement", _by_statement), ("matrix", _by_matrix)):
                    # The clock of a process has ticks of 10 ms: ten times count as one.
                    before_s = _cpu_s(server)
                    for _ in range(10):
                        way(conn, photos[start : start + count])
                    took_s[f"{name}_of_{count}_cpu_ms"] += _cpu_s(server) - before_s
    return {name: round(1000 * total_s / rounds / 10, 2) for name, total_s in took_s.items()}


def _cpu_s(server: psutil.Process) -> float:
    times = server.cpu_times()
    return time.process_time() + times.user + times.system


def _by_statement(conn: psycopg.Connection[Any], photos: Sequence[Any]) -> None:
    """As match_subscriptions does it, for one album."""
    conn.execute(
        sql.SQL(
            "SELECT subscription_id, face.photo_id FROM face JOIN subscription_template AS template USING (space_id)"
            " JOIN subscription USING (subscription_id)"
            " WHERE face.album_id = {album} AND subscription.album_id = {album} AND face.photo_id = ANY (%s)"
            " AND 1 - (template.embedding <=> face.embedding) >= template.min_similarity"
        ).format(album=sql.Literal(1)),
        [photos],
    ).fetchall()


def _by_matrix(conn: psycopg.Connection[Any], photos: Sequence[Any]) -> None:
    templates = conn.execute(
        "SELECT halfvec_send(embedding), subscription_id, min_similarity FROM subscription_template"
        " JOIN subscription USING (subscription_id) WHERE album_id = 1"
    ).fetchall()
    seen = conn.execute(
        "SELECT halfvec_send(embedding), photo_id FROM face WHERE album_id = 1 AND photo_id = ANY (%s)", [photos]
    ).fetchall()
    similar = unit_rows([row[0] for row in seen]) @ unit_rows([row[0] for row in templates]).T
    np.argwhere(similar >= np.array([row[2] for row in templates], np.float32))


def _subscribe(registry: PgSubscriptions, servers: Sequence[Receiver], selfies: Sequence[Embedding]) -> None:
    now = datetime.now(UTC)
    for number, selfie in enumerate(selfies):
        server = servers[number % len(servers)]
        contact = Contact(channel=Channel.WEBHOOK, address=server.url, destination=f"webhook:{server.port}")
        registry.add(
            NewSubscription(
                album="race",
                owner="key:k",
                contact=contact,
                contact_hash=str(number).encode(),
                language=Language.ENGLISH,
                ends_at=now + timedelta(days=1),
                selfies=1,
                faces=(selfie,),
                min_similarity=MIN_SIMILARITY,
                key_id=key_id_of(KEYS.current),
                max_of_owner=10**6,
            ),
            now=now,
        )


def _note_arrivals(server: Receiver, arrived: dict[str, float]) -> None:
    answer = respond()

    def note(handler: object) -> None:
        at = time.perf_counter()
        for photo_id in json.loads(server.received[-1].body)["data"]["photo_ids"]:
            arrived.setdefault(photo_id, at)
        answer(handler)  # type: ignore[arg-type]

    server.respond = note


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    print(json.dumps(measure(given.subscriptions, given.rate, given.seconds), indent=2))


if __name__ == "__main__":
    main()
