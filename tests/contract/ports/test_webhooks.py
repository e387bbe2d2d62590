"""The promises of Webhooks and WebhookDeliveries, kept by every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.webhooks import MemoryWebhooks
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.webhooks.deliveries import PgWebhookDeliveries
from photofinish.adapters.postgres.webhooks.registry import PgWebhooks
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, RecordedEvent, fact_id
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.webhook import (
    ANNOUNCE_AGAIN_AFTER,
    LEASE,
    MAX_IN_FLIGHT,
    MAX_PER_ALBUM,
    RETRY_DELAYS,
    Attempt,
    AttemptError,
    DeliveryState,
    DisabledReason,
    SignatureScheme,
    Webhook,
)
from photofinish.errors import Conflict
from photofinish.ports import (
    EventLog,
    Match,
    UnknownDelivery,
    UnknownWebhook,
    WebhookChange,
    WebhookDeliveries,
    Webhooks,
)
from support.faces import photo
from support.index import add

EVERYTHING = EventFilter()
PHOTO = photo("race/cam2/1.jpg")
URL = "https://example.org/hook"
FILTER = EventFilter(types=frozenset({EventType.PHOTO_DONE}), folder="cam2", camera="Canon", bib="42", person_id="p")


@dataclass
class Stores:
    webhooks: Webhooks
    deliveries: WebhookDeliveries
    events: EventLog

    def add(self, album: str | None = "race", wanted: EventFilter = EVERYTHING) -> Webhook:
        return self.webhooks.add(album, URL, wanted, description="the app", key_id="k1")

    def record(self, *numbers: int) -> list[RecordedEvent]:
        for number in numbers:
            self.events.append([event(number)])
        return list(self.events.page("race", EVERYTHING, after=0, limit=1000).events)[-len(numbers) :]

    def relay(self, webhook: Webhook, *numbers: int, announced: bool = True) -> list[int]:
        """Record events, and relay them to `webhook`; return the ids of the deliveries, oldest first."""
        recorded = self.record(*numbers)
        matches = [Match(webhook_id=webhook.webhook_id, event=one, announced=announced) for one in recorded]
        added = self.deliveries.advance(matches, after=self.deliveries.position(), to=recorded[-1].position)
        assert added is not None
        assert len(added) == (len(numbers) if announced else 0)
        found = self.deliveries.page(webhook.webhook_id, states=None, before=None, limit=len(numbers))
        return sorted(delivery.delivery_id for delivery in found)


def event(number: int) -> AlbumEvent:
    return AlbumEvent(
        id=fact_id("test", number),
        type=EventType.PHOTO_DONE,
        album="race",
        occurred_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
        photo_id=PHOTO.photo_id,
        generation=PHOTO.generation,
        data={"number": number},
    )


def attempt(at: datetime, status: int | None = 200, error: AttemptError | None = None) -> Attempt:
    return Attempt(at=at, url=URL, duration_ms=12, status=status, error=error, answer="thanks \u2603")


def later(seconds: float = 1.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        events = MemoryEventLog()
        memory = MemoryWebhooks(events)
        return Stores(memory, memory.deliveries, events)
    api, delivering = request.getfixturevalue("connections"), request.getfixturevalue("delivering")
    return Stores(PgWebhooks(api), PgWebhookDeliveries(delivering), PgEventLog(api))


@pytest.fixture
def delivering(delivering_database: str) -> Iterator[Database]:
    """Connections of the function that delivers."""
    with closing(Database(delivering_database)) as made:
        yield made


def test_a_webhook_is_read_back_whole(stores: Stores) -> None:
    added = stores.add(wanted=FILTER)
    assert stores.webhooks.get("race", added.webhook_id) == added
    assert (added.url, added.wanted, added.description, added.disabled) == (URL, FILTER, "the app", None)
    assert [version.key_id for version in added.secrets] == ["k1"]
    assert added.signature is SignatureScheme.V1
    signed = stores.webhooks.add("x", URL, FILTER, description="", key_id="k1", signature=SignatureScheme.V1A)
    assert stores.webhooks.get("x", signed.webhook_id).signature is SignatureScheme.V1A
    stores.webhooks.remove("x", signed.webhook_id)
    everywhere = stores.add(album=None)
    assert stores.webhooks.all_of("race") == [added]
    assert stores.webhooks.all_of(None) == [everywhere]
    assert stores.webhooks.all_of("other") == []
    assert {webhook.webhook_id for webhook in stores.webhooks.enabled()} == {added.webhook_id, everywhere.webhook_id}


def test_a_webhook_is_found_only_where_it_belongs(stores: Stores) -> None:
    added = stores.add()
    for album in (None, "other"):
        with pytest.raises(UnknownWebhook):
            stores.webhooks.get(album, added.webhook_id)
        with pytest.raises(UnknownWebhook):
            stores.webhooks.remove(album, added.webhook_id)
        with pytest.raises(UnknownWebhook):
            stores.webhooks.add_secret(album, added.webhook_id, "k")
    with pytest.raises(UnknownWebhook):
        stores.webhooks.change("race", str(uuid4()), WebhookChange(description="x"))


def test_changes_keep_what_they_do_not_name(stores: Stores) -> None:
    added = stores.add(wanted=FILTER)
    changed = stores.webhooks.change("race", added.webhook_id, WebhookChange(description=""))
    assert (changed.description, changed.url, changed.wanted) == ("", URL, FILTER)
    changed = stores.webhooks.change("race", added.webhook_id, WebhookChange(wanted=EVERYTHING, url=URL + "2"))
    assert (changed.description, changed.url, changed.wanted) == ("", URL + "2", EVERYTHING)


def test_disabling_and_enabling(stores: Stores) -> None:
    added = stores.add()
    off = stores.webhooks.change("race", added.webhook_id, WebhookChange(enabled=False))
    assert (off.disabled, stores.webhooks.enabled()) == (DisabledReason.REQUESTED, [])
    on = stores.webhooks.change("race", added.webhook_id, WebhookChange(enabled=True))
    assert (on.disabled, on.disabled_at) == (None, None)
    assert on.since > added.since
    again = stores.webhooks.change("race", added.webhook_id, WebhookChange(enabled=True))
    assert again.since == on.since, "one that is enabled goes on as it is"


def test_a_webhook_has_one_or_two_secrets(stores: Stores) -> None:
    added = stores.add()
    [first] = added.secrets
    with pytest.raises(Conflict, match="new secret before"):
        stores.webhooks.remove_secret("race", added.webhook_id, first.secret_id)
    both = stores.webhooks.add_secret("race", added.webhook_id, "k2")
    assert [version.key_id for version in both.secrets] == ["k1", "k2"]
    with pytest.raises(Conflict, match="2 secrets"):
        stores.webhooks.add_secret("race", added.webhook_id, "k3")
    left = stores.webhooks.remove_secret("race", added.webhook_id, first.secret_id)
    assert left.secrets == both.secrets[1:]
    with pytest.raises(UnknownWebhook):
        stores.webhooks.remove_secret("race", added.webhook_id, first.secret_id)


def test_an_album_has_a_limited_number_of_webhooks(stores: Stores) -> None:
    for _ in range(MAX_PER_ALBUM):
        stores.add()
    with pytest.raises(Conflict, match=str(MAX_PER_ALBUM)) as refused:
        stores.add()
    assert refused.value.code == "too_many_webhooks"
    stores.add("other")


def test_deliveries_are_added_once_as_the_position_moves(stores: Stores) -> None:
    webhook = stores.add()
    before = stores.deliveries.position()
    [first, second] = stores.record(1, 2)
    matches = [Match(webhook_id=webhook.webhook_id, event=first, announced=True)]
    assert len(stores.deliveries.advance(matches, after=before, to=first.position) or ()) == 1
    assert stores.deliveries.advance(matches, after=before, to=second.position) is None, "another was faster"
    assert stores.deliveries.position() == first.position
    assert stores.deliveries.advance(matches, after=first.position, to=second.position) == [], "it exists"
    [delivery] = stores.deliveries.page(webhook.webhook_id, states=None, before=None, limit=9)
    assert (delivery.event, delivery.state, delivery.attempts) == (first, DeliveryState.PENDING, 0)
    assert delivery.message_id == str(first.event.id)


def test_a_claim_is_a_lease(stores: Stores) -> None:
    webhook = stores.add()
    [delivery_id] = stores.relay(webhook, 1)
    now = later()
    claim = stores.deliveries.claim(delivery_id, now=now)
    assert claim is not None
    assert claim.webhook == webhook
    assert stores.deliveries.claim(delivery_id, now=now) is None
    assert stores.deliveries.due(now + LEASE / 2) == []
    assert stores.deliveries.due(now + LEASE) == [delivery_id], "its process may have died"
    assert stores.deliveries.claim(delivery_id, now=now + LEASE) is not None
    assert stores.deliveries.claim(delivery_id + 1, now=now) is None


def test_a_delivery_ends_with_a_success(stores: Stores) -> None:
    webhook = stores.add()
    [delivery_id] = stores.relay(webhook, 1)
    now = later()
    assert stores.deliveries.claim(delivery_id, now=now) is not None
    done = attempt(now)
    finished = stores.deliveries.finish(delivery_id, done, now=now, chance=0.5)
    assert finished is not None
    delivery, attempts = stores.deliveries.get(webhook.webhook_id, delivery_id)
    assert (delivery.state, delivery.attempts, attempts) == (DeliveryState.DELIVERED, 1, [done])
    assert stores.deliveries.claim(delivery_id, now=now + timedelta(days=1)) is None
    assert stores.deliveries.due(now + timedelta(days=1)) == []


def test_a_failed_attempt_is_repeated_on_schedule_until_it_ends(stores: Stores) -> None:
    webhook = stores.add()
    [delivery_id] = stores.relay(webhook, 1)
    now = later()
    for number, delay in enumerate([*RETRY_DELAYS, None], start=1):
        assert stores.deliveries.claim(delivery_id, now=now) is not None, number
        failed = attempt(now, None, AttemptError.TIMEOUT)
        finished = stores.deliveries.finish(delivery_id, failed, now=now, chance=0.5)
        assert finished is not None
        delivery, _ = stores.deliveries.get(webhook.webhook_id, delivery_id)
        assert (delivery.attempts, delivery.next_attempt_at) == (number, None if delay is None else now + delay)
        assert stores.deliveries.claim(delivery_id, now=now) is None
        # A pause of the webhook may be longer than the first delays.
        now += max(delay or timedelta(), timedelta(minutes=15))
    assert delivery.state is DeliveryState.FAILED
    assert len(stores.deliveries.get(webhook.webhook_id, delivery_id)[1]) == len(RETRY_DELAYS) + 1


def test_a_webhook_has_few_attempts_at_once_and_the_next_take_their_places(stores: Stores) -> None:
    webhook = stores.add()
    ids = stores.relay(webhook, *range(MAX_IN_FLIGHT + 2))
    now = later()
    claims = [stores.deliveries.claim(delivery_id, now=now) for delivery_id in ids]
    assert [claim is not None for claim in claims] == [True] * MAX_IN_FLIGHT + [False] * 2
    finished = stores.deliveries.finish(ids[0], attempt(now), now=now, chance=0.5)
    assert finished is not None
    assert finished.due == (ids[MAX_IN_FLIGHT],), "one place, one delivery"
    assert stores.deliveries.claim(ids[MAX_IN_FLIGHT], now=now) is not None


def test_of_many_claims_at_once_as_many_succeed_as_there_are_places(stores: Stores) -> None:
    webhook = stores.add()
    ids = stores.relay(webhook, *range(4 * MAX_IN_FLIGHT))
    now = later()
    with ThreadPoolExecutor(len(ids)) as threads:
        claims = list(threads.map(lambda delivery_id: stores.deliveries.claim(delivery_id, now=now), ids))
    assert sum(claim is not None for claim in claims) == MAX_IN_FLIGHT


def test_failures_at_the_same_time_all_count(stores: Stores) -> None:
    webhook = stores.add()
    ids = stores.relay(webhook, *range(MAX_IN_FLIGHT))
    now = later()
    for delivery_id in ids:
        assert stores.deliveries.claim(delivery_id, now=now) is not None
    with ThreadPoolExecutor(len(ids)) as threads:
        list(
            threads.map(
                lambda delivery_id: stores.deliveries.finish(delivery_id, attempt(now, 500), now=now, chance=0.5), ids
            )
        )
    assert stores.webhooks.get("race", webhook.webhook_id).health.failures == MAX_IN_FLIGHT


def test_one_that_fails_is_paused_and_does_not_hide_others(stores: Stores) -> None:
    dead, good = stores.add(), stores.add()
    *failing, waiting = stores.relay(dead, *range(5))
    now = later()
    for delivery_id in failing:
        assert stores.deliveries.claim(delivery_id, now=now) is not None
        if delivery_id != failing[0]:
            assert stores.deliveries.claim(waiting, now=now) is None, "one at a time, because it fails"
        stores.deliveries.finish(delivery_id, attempt(now, 500), now=now, chance=0.5)
    health = stores.webhooks.get("race", dead.webhook_id).health
    assert health.failures == 4
    assert health.paused_until is not None
    assert stores.deliveries.claim(waiting, now=now) is None
    [other] = stores.relay(good, 7, announced=False)
    assert stores.deliveries.due(now) == [other]
    assert waiting in stores.deliveries.due(health.paused_until), "it is tried again after the pause"
    assert stores.deliveries.claim(waiting, now=health.paused_until) is not None
    stores.deliveries.finish(waiting, attempt(now), now=health.paused_until, chance=0.5)
    assert stores.webhooks.get("race", dead.webhook_id).health.failures == 0


def test_due_deliveries_are_announced_again_only_when_a_message_may_be_lost(stores: Stores) -> None:
    [announced] = stores.relay(stores.add(), 1)
    [waiting] = stores.relay(stores.add(), 2, announced=False)
    now = later()
    assert stores.deliveries.due(now) == [waiting]
    assert stores.deliveries.due(now) == []
    assert sorted(stores.deliveries.due(now + ANNOUNCE_AGAIN_AFTER)) == [announced, waiting]


def test_410_disables_a_webhook_and_tells_so(stores: Stores) -> None:
    webhook = stores.add()
    [delivery_id] = stores.relay(webhook, 1)
    now = later()
    stores.deliveries.claim(delivery_id, now=now)
    finished = stores.deliveries.finish(delivery_id, attempt(now, 410), now=now, chance=0.5)
    assert finished is not None
    assert finished.disabled is DisabledReason.GONE
    off = stores.webhooks.get("race", webhook.webhook_id)
    assert (off.disabled, off.disabled_at) == (DisabledReason.GONE, now)
    wanted = EventFilter(types=frozenset({EventType.WEBHOOK_DISABLED}))
    [told] = stores.events.page("race", wanted, after=0, limit=9).events
    assert told.event.data == {"webhook_id": webhook.webhook_id, "reason": "gone"}
    day = now + timedelta(days=1)
    assert (stores.deliveries.due(day), stores.deliveries.claim(delivery_id, now=day)) == ([], None)


def test_a_test_reaches_a_disabled_webhook_and_is_not_repeated(stores: Stores) -> None:
    webhook = stores.add()
    stores.webhooks.change("race", webhook.webhook_id, WebhookChange(enabled=False))
    now = later()
    delivery = stores.deliveries.add_test(webhook.webhook_id, now=now)
    assert delivery.event is None
    assert stores.deliveries.claim(delivery.delivery_id, now=now) is not None
    finished = stores.deliveries.finish(delivery.delivery_id, attempt(now, 410), now=now, chance=0.5)
    assert finished is not None
    failed, _ = stores.deliveries.get(webhook.webhook_id, delivery.delivery_id)
    assert (failed.state, finished.disabled) == (DeliveryState.FAILED, None)
    assert stores.webhooks.get("race", webhook.webhook_id).health.failures == 0
    with pytest.raises(UnknownWebhook):
        stores.deliveries.add_test(str(uuid4()), now=now)


def test_replays_begin_anew_with_the_same_id(stores: Stores) -> None:
    webhook = stores.add()
    [delivery_id] = stores.relay(webhook, 1)
    now = later()
    stores.deliveries.claim(delivery_id, now=now)
    stores.deliveries.finish(delivery_id, attempt(now), now=now, chance=0.5)
    again = stores.deliveries.replay(webhook.webhook_id, delivery_id, now=now)
    assert (again.state, again.attempts, again.next_attempt_at) == (DeliveryState.PENDING, 0, now)
    assert stores.deliveries.claim(delivery_id, now=now) is not None
    both = stores.events.page("race", EVERYTHING, after=0, limit=1).events + tuple(stores.record(2))
    replayed = stores.deliveries.replay_events(webhook.webhook_id, both, now=now)
    assert delivery_id in replayed
    assert len(replayed) == 2, "an event that was never delivered gets a delivery"
    with pytest.raises(UnknownDelivery):
        stores.deliveries.replay(stores.add().webhook_id, delivery_id, now=now)


def test_pages_of_deliveries(stores: Stores) -> None:
    webhook = stores.add()
    ids = stores.relay(webhook, 1, 2, 3)
    now = later()
    stores.deliveries.claim(ids[1], now=now)
    stores.deliveries.finish(ids[1], attempt(now), now=now, chance=0.5)
    page = stores.deliveries.page(webhook.webhook_id, states=None, before=None, limit=2)
    assert [one.delivery_id for one in page] == [ids[2], ids[1]]
    rest = stores.deliveries.page(webhook.webhook_id, states=None, before=ids[1], limit=2)
    assert [one.delivery_id for one in rest] == [ids[0]]
    done = stores.deliveries.page(webhook.webhook_id, states=[DeliveryState.DELIVERED], before=None, limit=2)
    assert [one.delivery_id for one in done] == [ids[1]]
    with pytest.raises(UnknownDelivery):
        stores.deliveries.get(str(uuid4()), ids[0])


def test_deliveries_end_and_go_with_time(stores: Stores) -> None:
    webhook = stores.add()
    [delivery_id] = stores.relay(webhook, 1)
    stores.deliveries.expire(abandon_before=later(), remove_before=later(-60))
    assert stores.deliveries.get(webhook.webhook_id, delivery_id)[0].state is DeliveryState.FAILED
    assert stores.deliveries.due(later()) == []
    stores.deliveries.expire(abandon_before=later(), remove_before=later())
    assert stores.deliveries.page(webhook.webhook_id, states=None, before=None, limit=9) == []


def test_deliveries_go_with_their_webhook(stores: Stores) -> None:
    webhook = stores.add()
    [delivery_id] = stores.relay(webhook, 1)
    claimed = later()
    assert stores.deliveries.claim(delivery_id, now=claimed) is not None
    stores.webhooks.remove("race", webhook.webhook_id)
    assert stores.deliveries.finish(delivery_id, attempt(claimed), now=claimed, chance=0.5) is None
    assert stores.deliveries.claim(delivery_id, now=later(100)) is None


@pytest.mark.parametrize("stores", ["postgres"], indirect=True)
def test_deliveries_are_erased_with_their_events(stores: Stores, connections: Database) -> None:
    add(PgFaceIndex(connections), PHOTO, [], [])
    webhook = stores.add()
    [delivery_id] = stores.relay(webhook, 1)
    target = ErasureTarget(kind=ErasureKind.PHOTO, album="race", id=PHOTO.photo_id, generation=PHOTO.generation)
    PgErasures(connections).begin(target, reason=Reason.REQUEST)
    with pytest.raises(UnknownDelivery):
        stores.deliveries.get(webhook.webhook_id, delivery_id)
