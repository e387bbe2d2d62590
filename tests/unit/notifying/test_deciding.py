"""When a message is due, what follows from sending it, whom a photo fits, and links that need no sign-in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.album_event import NOTHING_SHOWN, Shown
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.subscription import (
    MESSAGE_EVERY,
    Channel,
    EndReason,
    Outcome,
    after_message,
    end_of_subscription,
    fits,
    message_due_at,
    places,
)
from photofinish.domain.subscription_link import LinkAction, SubscriptionLink, contact_hash, link_text, read_link
from photofinish.domain.webhook import HEALTHY, RETRY_DELAYS, Health, failed_again
from support.faces import embedding

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEYS = SecretVersions.parse("k" * 32)
NEXT_KEYS = SecretVersions.parse(f"{'n' * 32},{'k' * 32}")
LINK = SubscriptionLink(LinkAction.END, str(uuid4()))


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_two_messages_are_a_minute_apart(first_s: int, second_s: int) -> None:
    sent_at, now = NOW + timedelta(seconds=first_s), NOW + timedelta(seconds=second_s)
    due_at = message_due_at(sent_at, now)
    assert due_at >= now
    assert due_at - sent_at >= MESSAGE_EVERY
    assert due_at in (now, sent_at + MESSAGE_EVERY)


def test_the_first_message_is_due_at_once() -> None:
    assert message_due_at(None, NOW) == NOW


@pytest.mark.parametrize("has_more", [True, False])
def test_what_was_told_is_followed_by_what_is_left(has_more: bool) -> None:
    after = after_message(Outcome.DELIVERED, attempts=3, has_more=has_more, now=NOW, chance=0.5)
    assert (after.is_told, after.attempts, after.ended) == (True, 0, None)
    assert after.due_at == (NOW + MESSAGE_EVERY if has_more else None)


def test_a_failed_message_is_repeated_until_the_subscription_ends() -> None:
    attempts = 0
    for delay in RETRY_DELAYS:
        after = after_message(Outcome.FAILED, attempts=attempts, has_more=True, now=NOW, chance=0.5)
        assert (after.is_told, after.due_at, after.ended) == (False, NOW + delay, None)
        attempts = after.attempts
    last = after_message(Outcome.FAILED, attempts=attempts, has_more=True, now=NOW, chance=0.5)
    assert (last.due_at, last.ended) == (None, EndReason.FAILING)


def test_a_failing_destination_takes_one_place_and_a_paused_one_none() -> None:
    failing = Health(failures=1, failing_since=NOW)
    for channel in Channel:
        assert places(channel, HEALTHY, NOW) >= 4
        assert places(channel, failing, NOW) == 1
    paused = failing
    for _ in range(5):
        paused = failed_again(paused, NOW, NOW)
    assert places(Channel.EMAIL, paused, NOW) == 0


def test_a_subscription_ends_with_the_last_day_of_its_album() -> None:
    assert end_of_subscription(None, days=90, now=NOW) == NOW + timedelta(days=90)
    assert end_of_subscription(date(2027, 5, 1), days=90, now=NOW) == NOW + timedelta(days=90)
    assert end_of_subscription(date(2026, 5, 2), days=90, now=NOW).date() == date(2026, 5, 2)


def test_a_photo_fits_by_number_person_or_face() -> None:
    ada, bea = embedding([1.0, 0.0]), embedding([0.0, 1.0])
    wanted = {"bib": "42", "person_id": "p", "faces": [ada], "min_similarity": 0.5}
    assert fits(**wanted, shown=Shown(bib_numbers=frozenset({"42"})), seen=[])  # type: ignore[arg-type]
    assert fits(**wanted, shown=Shown(person_ids=frozenset({"p"})), seen=[])  # type: ignore[arg-type]
    assert fits(**wanted, shown=NOTHING_SHOWN, seen=[bea, ada])  # type: ignore[arg-type]
    assert not fits(**wanted, shown=NOTHING_SHOWN, seen=[bea, embedding([1.0, 0.0], "other")])  # type: ignore[arg-type]
    assert not fits(bib=None, person_id=None, faces=[], min_similarity=-1, shown=NOTHING_SHOWN, seen=[ada])


def test_a_link_is_read_back_also_while_a_key_is_replaced() -> None:
    text = link_text(LINK, KEYS)
    assert len(text) == 44
    assert read_link(text, KEYS) == read_link(text, NEXT_KEYS) == LINK
    assert read_link(link_text(LINK, NEXT_KEYS), KEYS) is None


@given(st.integers(0, 43), st.sampled_from("abcXYZ019-_"))
def test_a_changed_link_is_refused(place: int, character: str) -> None:
    text = link_text(LINK, KEYS)
    changed = text[:place] + character + text[place + 1 :]
    assert (read_link(changed, KEYS) is None) == (changed != text)


@given(st.text(max_size=60))
def test_any_other_text_is_no_link(text: str) -> None:
    assert read_link(text, KEYS) is None


def test_hashes_of_contacts_need_the_key_and_ignore_case_in_addresses() -> None:
    one = contact_hash(Channel.EMAIL, "Ada@Example.org", KEYS)
    assert one == contact_hash(Channel.EMAIL, "ada@example.org", KEYS)
    assert one != contact_hash(Channel.EMAIL, "ada@example.org", SecretVersions.parse("o" * 32))
    assert contact_hash(Channel.FCM, "T", KEYS) != contact_hash(Channel.FCM, "t", KEYS)
