"""Retries, pauses and the end of webhooks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, RecordedEvent, Shown, fact_id
from photofinish.domain.webhook import (
    ABANDON_AFTER,
    DISABLE_AFTER,
    HEALTHY,
    LEASE,
    MAX_IN_FLIGHT,
    RETRY_DELAYS,
    Attempt,
    AttemptError,
    Delivery,
    DeliveryState,
    DisabledReason,
    Health,
    SignatureScheme,
    Webhook,
    after_attempt,
    in_flight_limit,
    retry_after,
    retry_delay,
    wants,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVENT = RecordedEvent(
    event=AlbumEvent(
        id=fact_id("test"), type=EventType.PHOTO_DONE, album="race", occurred_at=NOON, photo_id="0" * 32, folder="cam2"
    ),
    position=1,
    recorded_at=NOON,
)
WEBHOOK = Webhook(
    webhook_id="w",
    album="race",
    url="https://example.org",
    wanted=EventFilter(),
    description="",
    secrets=(),
    signature=SignatureScheme.V1,
    created_at=NOON,
    since=NOON,
)
DELIVERY = Delivery(delivery_id=1, webhook_id="w", event=EVENT, created_at=NOON, started_at=NOON)
chances = st.floats(0, 1)


def attempt(status: int | None = None, at: datetime = NOON) -> Attempt:
    return Attempt(
        at=at,
        url="https://example.org",
        duration_ms=1,
        status=status,
        error=AttemptError.TIMEOUT if status is None else None,
    )


@given(st.lists(chances, min_size=len(RETRY_DELAYS), max_size=len(RETRY_DELAYS)))
def test_retries_last_about_three_days_and_end_before_a_delivery_is_abandoned(drawn: list[float]) -> None:
    delays = [retry_delay(attempts, chance) for attempts, chance in enumerate(drawn, start=1)]
    total = sum((delay for delay in delays if delay is not None), timedelta())
    assert timedelta(hours=66) < total < ABANDON_AFTER
    assert retry_delay(len(RETRY_DELAYS) + 1, 0.5) is None


@given(st.integers(1, len(RETRY_DELAYS)), chances, chances)
def test_later_retries_wait_longer_whatever_the_jitter(attempts: int, one: float, other: float) -> None:
    first, second = retry_delay(attempts, one), retry_delay(attempts + 1, other)
    assert first is not None
    assert first > timedelta()
    assert second is None or second > first * 0.8
    assert retry_delay(attempts, 0) < retry_delay(attempts, 1)  # type: ignore[operator]


@given(st.integers(200, 299), st.builds(Health, failures=st.integers(0, 100), failing_since=st.just(NOON)))
def test_a_success_ends_the_delivery_and_heals(status: int, health: Health) -> None:
    after = after_attempt(attempt(status), delivery=DELIVERY, health=health, now=NOON, chance=0.5)
    assert (after.health, after.state, after.disabled) == (HEALTHY, DeliveryState.DELIVERED, None)


@given(st.one_of(st.none(), st.integers(300, 599)), st.integers(0, 20), chances)
def test_anything_else_fails(status: int | None, attempts: int, chance: float) -> None:
    delivery = replace(DELIVERY, attempts=attempts)
    after = after_attempt(attempt(status), delivery=delivery, health=HEALTHY, now=NOON, chance=chance)
    assert after.health.failures == 1
    assert (after.state is DeliveryState.PENDING) == (after.next_attempt_at is not None) == (attempts < 9)
    assert after.disabled is (DisabledReason.GONE if status == 410 else None)


@given(st.integers(1, 200))
def test_one_that_goes_on_failing_takes_one_place_then_none_then_one_after_a_pause(failures: int) -> None:
    health = HEALTHY
    assert in_flight_limit(health, NOON) == MAX_IN_FLIGHT
    for _ in range(failures):
        health = after_attempt(attempt(500), delivery=DELIVERY, health=health, now=NOON, chance=0.5).health
    assert in_flight_limit(health, NOON) == (1 if failures < 4 else 0)
    assert in_flight_limit(health, NOON + timedelta(minutes=15)) == 1


def test_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    pauses, health = [], HEALTHY
    for _ in range(12):
        health = after_attempt(attempt(), delivery=DELIVERY, health=health, now=NOON, chance=0.5).health
        pauses.append(0 if health.paused_until is None else (health.paused_until - NOON).seconds)
    assert pauses == [0, 0, 0, 15, 30, 60, 120, 240, 480, 900, 900, 900]


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (429, "120", timedelta(minutes=2)),
        (503, "Fri, 01 May 2026 12:30:00 GMT", timedelta(minutes=30)),
        (503, "Fri, 01 May 2026 11:00:00 GMT", timedelta()),
        (429, "999999999", timedelta(hours=24)),
        (429, "9" * 4000, None),
        (429, "soon", None),
        (429, "-1", None),
        (429, None, None),
        (500, "120", None),
    ],
)
def test_retry_after_is_understood_within_bounds(status: int, header: str | None, expected: timedelta | None) -> None:
    assert retry_after(status, header, NOON) == expected


@given(st.timedeltas(timedelta(), timedelta(hours=24)), st.integers(0, 8), chances)
def test_nothing_is_sent_before_a_receiver_allows_it(asked: timedelta, attempts: int, chance: float) -> None:
    after = after_attempt(
        replace(attempt(429), retry_after=asked),
        delivery=replace(DELIVERY, attempts=attempts),
        health=HEALTHY,
        now=NOON,
        chance=chance,
    )
    usual = retry_delay(attempts + 1, chance)
    assert after.next_attempt_at is not None
    assert usual is not None
    assert max(asked, usual) <= after.next_attempt_at - NOON <= max(asked * 1.1 + timedelta(microseconds=1), usual)
    assert in_flight_limit(after.health, NOON + timedelta(minutes=15)) == 1
    if asked:
        assert in_flight_limit(after.health, NOON + min(asked, timedelta(minutes=15)) - timedelta(microseconds=1)) == 0


def test_days_of_failure_disable() -> None:
    health = after_attempt(attempt(500), delivery=DELIVERY, health=HEALTHY, now=NOON, chance=0.5).health
    assert health.failing_since == NOON
    for late, disabled in ((timedelta(seconds=-1), None), (timedelta(), DisabledReason.FAILING)):
        now = NOON + DISABLE_AFTER + late
        after = after_attempt(attempt(500, now), delivery=DELIVERY, health=health, now=now, chance=0.5)
        assert after.disabled is disabled


def test_a_test_is_not_repeated_and_changes_no_health() -> None:
    health = Health(failures=3, failing_since=NOON - DISABLE_AFTER)
    for status, state in ((204, DeliveryState.DELIVERED), (410, DeliveryState.FAILED)):
        after = after_attempt(
            attempt(status), delivery=replace(DELIVERY, event=None), health=health, now=NOON, chance=0
        )
        assert (after.health, after.state, after.next_attempt_at, after.disabled) == (health, state, None, None)


def test_a_lease_outlives_an_attempt() -> None:
    assert timedelta(seconds=15) < LEASE < timedelta(minutes=1), "a killed process delays by less than a minute"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, True),
        ({"album": None}, True),
        ({"album": "other"}, False),
        ({"disabled": DisabledReason.REQUESTED}, False),
        ({"since": NOON + timedelta(seconds=1)}, False),
        ({"wanted": EventFilter(types=frozenset({EventType.PHOTO_DONE}), folder="cam2")}, True),
        ({"wanted": EventFilter(types=frozenset({EventType.PHOTO_QUEUED}))}, False),
        ({"wanted": EventFilter(bib="42")}, True),
        ({"wanted": EventFilter(bib="43")}, False),
    ],
)
def test_which_events_a_webhook_gets(changes: dict[str, object], wanted: bool) -> None:
    webhook = replace(WEBHOOK, **changes)  # type: ignore[arg-type]
    assert wants(webhook, EVENT, Shown(bib_numbers=frozenset({"42"}))) is wanted
