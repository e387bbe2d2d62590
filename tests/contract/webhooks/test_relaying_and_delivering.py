"""From an event to a request, over the stores in memory and a real receiver."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.http import from_http
from standardwebhooks import Webhook as Verifier

from photofinish.adapters.internet.webhook_sender import PinnedSender
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.webhook_deliveries import MemoryWebhookMessages
from photofinish.adapters.memory.webhooks import MemoryWebhooks
from photofinish.application.webhooks.delivering import MAX_ANSWER_CHARS, WebhookDeliverer
from photofinish.application.webhooks.relaying import WebhookRelay, relay_soon, relaying_soon, replay
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, Shown, fact_id
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.webhook import AttemptError, DeliveryState, DisabledReason, Webhook
from photofinish.domain.webhook_signature import key_id_of, secret_of
from photofinish.errors import Unavailable
from photofinish.ports import WebhookChange
from support.waiting import wait_until
from support.webhook_receiver import Receiver, receiver, respond

KEYS = SecretVersions.parse("k" * 32)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVERYTHING = EventFilter()


class Cloud:
    def __init__(self, *, allow_loopback: bool = True) -> None:
        self.events = MemoryEventLog()
        self.webhooks = MemoryWebhooks(self.events)
        self.deliveries = self.webhooks.deliveries
        self.messages = MemoryWebhookMessages()
        self.relay = WebhookRelay(self.events, self.webhooks, self.deliveries, self.messages)
        self.deliverer = WebhookDeliverer(
            self.deliveries, PinnedSender(timeout_s=5), self.messages, KEYS, allow_loopback=allow_loopback
        )

    def add(self, url: str, wanted: EventFilter = EVERYTHING, album: str | None = "race") -> Webhook:
        return self.webhooks.add(album, url, wanted, description="", key_id=key_id_of(KEYS.current))

    def record(self, *numbers: int, album: str = "race", **fields: Any) -> None:
        for number in numbers:
            told = AlbumEvent(
                id=fact_id(number), type=EventType.PHOTO_DONE, album=album, occurred_at=NOON, **{"folder": "ä"} | fields
            )
            self.events.append([told])

    def run(self) -> None:
        """Relay, and deliver until no message is left."""
        self.relay.run()
        while self.messages.announced:
            self.deliverer.deliver(self.messages.announced.pop(0))

    def states(self, webhook: Webhook) -> list[str]:
        return [one.state for one in self.deliveries.page(webhook.webhook_id, states=None, before=None, limit=99)]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def app() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def test_an_event_arrives_signed_as_a_cloud_event(cloud: Cloud, app: Receiver) -> None:
    webhook = cloud.add(app.url)
    cloud.record(1)
    cloud.run()
    [request] = app.received
    assert request.path == "/hook"
    assert request.headers["webhook-id"] == str(fact_id(1))
    event = Verifier(secret_of(webhook.secrets[0], KEYS).text).verify(request.body, request.headers)
    assert event["id"] == str(fact_id(1))
    parsed = from_http(request.headers, request.body)
    assert (parsed["type"], parsed.get_data()["folder"]) == ("photofinish.photo.done", "ä")
    assert cloud.states(webhook) == ["delivered"]


def test_each_webhook_gets_what_it_wants_once(cloud: Cloud, app: Receiver) -> None:
    cloud.add(app.url, EventFilter(folder="a"))
    cloud.add(app.url, EventFilter(bib="42"), album=None)
    cloud.add(app.url, album="other")
    cloud.events.photos["1" * 32] = Shown(bib_numbers=frozenset({"42"}))
    cloud.record(1, folder="a")
    cloud.record(2, folder="b", photo_id="1" * 32)
    cloud.record(3, folder="b")
    for _ in range(2):
        cloud.run()
    assert sorted(app.ids) == sorted(str(fact_id(number)) for number in (1, 2))


def test_many_events_are_relayed_in_pages(cloud: Cloud, app: Receiver) -> None:
    webhook = cloud.add(app.url)
    cloud.record(*range(1001))
    cloud.relay.run()
    assert len(set(cloud.messages.announced)) == 1001
    assert len(cloud.deliveries.page(webhook.webhook_id, states=None, before=None, limit=2000)) == 1001


def test_both_secrets_sign_while_one_replaces_the_other(cloud: Cloud, app: Receiver) -> None:
    webhook = cloud.add(app.url)
    both = cloud.webhooks.add_secret("race", webhook.webhook_id, key_id_of(KEYS.current))
    cloud.record(1)
    cloud.run()
    [request] = app.received
    for version in both.secrets:
        Verifier(secret_of(version, KEYS).text).verify(request.body, request.headers)


def test_answers_are_kept_in_part(cloud: Cloud, app: Receiver) -> None:
    webhook = cloud.add(app.url)
    app.respond = respond(500, b"\xff" + b"x" * 5000)
    cloud.record(1)
    cloud.run()
    [delivery] = cloud.deliveries.page(webhook.webhook_id, states=None, before=None, limit=9)
    assert (delivery.state, delivery.attempts) == (DeliveryState.PENDING, 1)
    [attempt] = cloud.deliveries.get(webhook.webhook_id, delivery.delivery_id)[1]
    assert (attempt.status, attempt.url, len(attempt.answer)) == (500, app.url, MAX_ANSWER_CHARS)
    assert attempt.answer not in repr(attempt)


def test_a_receiver_that_asks_for_a_pause_gets_one(cloud: Cloud, app: Receiver) -> None:
    webhook = cloud.add(app.url)
    app.respond = respond(429, headers={"Retry-After": "7200"})
    cloud.record(1)
    cloud.run()
    cloud.record(2)
    cloud.run()
    assert len(app.received) == 1, "the second waits, too"
    [_, first] = cloud.deliveries.page(webhook.webhook_id, states=None, before=None, limit=9)
    assert first.next_attempt_at is not None
    assert first.next_attempt_at - first.created_at >= timedelta(hours=2)


def test_410_disables(cloud: Cloud, app: Receiver) -> None:
    webhook = cloud.add(app.url)
    app.respond = respond(410)
    cloud.record(1)
    cloud.run()
    cloud.record(2)
    cloud.run()
    assert cloud.webhooks.get("race", webhook.webhook_id).disabled is DisabledReason.GONE
    assert len(app.received) == 1
    types = [one.event.type for one in cloud.events.page(None, EVERYTHING, after=0, limit=9).events]
    assert EventType.WEBHOOK_DISABLED in types


def test_a_url_that_is_not_allowed_any_more_gets_nothing(app: Receiver) -> None:
    cloud = Cloud(allow_loopback=False)
    webhook = cloud.add(app.url)
    cloud.record(1)
    cloud.run()
    [delivery] = cloud.deliveries.page(webhook.webhook_id, states=None, before=None, limit=9)
    [attempt] = cloud.deliveries.get(webhook.webhook_id, delivery.delivery_id)[1]
    assert (attempt.error, app.received) == (AttemptError.ADDRESS_NOT_ALLOWED, [])


def test_a_backlog_goes_on_place_by_place(cloud: Cloud, app: Receiver) -> None:
    """Four at a time, and each that ends lets the next one go, though their messages are gone."""
    webhook = cloud.add(app.url)
    cloud.record(*range(12))
    cloud.relay.run()
    go_on = threading.Event()

    def hold(handler: Any) -> None:
        go_on.wait(30)
        respond()(handler)

    app.respond = hold
    ids, cloud.messages.announced = cloud.messages.announced, []
    threads = [threading.Thread(target=cloud.deliverer.deliver, args=[delivery_id]) for delivery_id in ids]
    for thread in threads:
        thread.start()
    wait_until(lambda: sum(thread.is_alive() for thread in threads) == 4, "the others were refused")
    go_on.set()
    for thread in threads:
        thread.join()
    cloud.run()
    assert cloud.states(webhook) == ["delivered"] * 12
    assert len(app.received) == 12


def test_a_test_says_what_came_back(cloud: Cloud, app: Receiver) -> None:
    webhook = cloud.add(app.url)
    cloud.webhooks.change("race", webhook.webhook_id, WebhookChange(enabled=False))
    delivery = cloud.deliveries.add_test(webhook.webhook_id, now=datetime.now(UTC))
    cloud.deliverer.deliver(delivery.delivery_id)
    [request] = app.received
    event = json.loads(request.body)
    assert (event["type"], event["id"]) == ("photofinish.webhook.test", request.headers["webhook-id"])
    assert cloud.states(webhook) == ["delivered"]


def test_a_range_is_replayed_with_the_same_ids(cloud: Cloud, app: Receiver) -> None:
    cloud.record(1, 2, 3)
    webhook = cloud.add(app.url)
    cloud.run()
    assert app.received == [], "what was recorded before it"
    stores = {"events": cloud.events, "deliveries": cloud.deliveries, "messages": cloud.messages}
    count, position = replay(webhook, EVERYTHING, after=0, limit=2, **stores)  # type: ignore[arg-type]
    assert count == 2
    assert position is not None
    assert replay(webhook, EVERYTHING, after=position, limit=2, **stores) == (1, None)  # type: ignore[arg-type]
    cloud.run()
    assert sorted(app.ids) == sorted(str(fact_id(number)) for number in (1, 2, 3))


def test_of_many_calls_one_runs_and_one_waits(cloud: Cloud) -> None:
    entered, go_on, calls = threading.Event(), threading.Event(), []
    page = cloud.events.page

    def slow_page(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        entered.set()
        go_on.wait(30)
        return page(*args, **kwargs)

    cloud.events.page = slow_page  # type: ignore[method-assign]
    first = threading.Thread(target=cloud.relay.run)
    first.start()
    entered.wait(30)
    second = threading.Thread(target=cloud.relay.run)
    second.start()
    wait_until(lambda: cloud.relay._waiting.locked(), "the second waits")
    cloud.relay.run()  # returns at once
    assert len(calls) == 1
    go_on.set()
    first.join()
    second.join()
    assert len(calls) == 2


def test_a_nudge_that_fails_fails_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    class Down(MemoryWebhookMessages):
        def nudge(self) -> None:
            raise Unavailable("Pub/Sub is down")

    relay_soon(Down())
    assert "schedule only" in caplog.text


def test_what_a_schedule_records_is_told_when_it_is_over(cloud: Cloud) -> None:
    with relaying_soon(cloud.events, cloud.messages):
        pass
    assert cloud.messages.nudges == 0, "nothing is new"
    with relaying_soon(cloud.events, cloud.messages):
        cloud.record(1, 2)
        assert cloud.messages.nudges == 0
    assert cloud.messages.nudges == 1

    def fail() -> None:
        with relaying_soon(cloud.events, cloud.messages):
            cloud.record(3)
            raise Unavailable("the rest failed")

    with pytest.raises(Unavailable):
        fail()
    assert cloud.messages.nudges == 2
