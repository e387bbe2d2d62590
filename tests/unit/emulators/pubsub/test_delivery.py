"""The delivery queue's guarantees, over random histories with restarts, on a real store."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish_emulators.pubsub import delivery, protos
from photofinish_emulators.pubsub.delivery import DeliveryQueue
from photofinish_emulators.pubsub.outstanding import Consumer, Delivery, DeliverySettings
from photofinish_emulators.pubsub.store import Message, Store

LEASE_S = 10
START_US = 1_700_000_000_000_000


class History:
    """A subscription with a simulated clock, and checks that hold for every delivery."""

    def __init__(self, store: Store, settings: DeliverySettings) -> None:
        self.now_us = START_US
        self.store = store
        self.settings = settings
        self.topic_id = store.create_topic("projects/p/topics/top", b"").result()
        self.subscription_id = store.create_subscription("projects/p/subscriptions/s", self.topic_id, b"", 0).result()
        self.published: dict[int, str] = {}
        self.acknowledged: set[int] = set()
        self.failures: dict[int, int] = {}
        self.held: dict[int, tuple[Delivery, int]] = {}  # message id → newest delivery and its deadline

    def open(self) -> None:
        [(_, _, _, _, _, cursor)] = self.store.subscriptions()
        self.queue = DeliveryQueue(
            self.store, self.subscription_id, self.topic_id, cursor, self.settings, lambda _: False, lambda _: None
        )

    def advance(self, seconds: float) -> None:
        self.now_us += int(seconds * 1e6)
        for message_id, (_, deadline_us) in list(self.held.items()):
            if deadline_us <= self.now_us:
                del self.held[message_id]
                self.failures[message_id] = self.failures.get(message_id, 0) + 1
        # A deadline is noticed late by at most its resolution.
        self.now_us += 20_000
        self.queue.check_deadlines()

    def publish(self, keys: list[str]) -> None:
        messages = []
        for key in keys:
            self.now_us += 1
            body = protos.PubsubMessage(data=b"x", ordering_key=key).SerializeToString()
            messages.append(Message(self.now_us, key, body))
            self.published[self.now_us] = key
        self.store.publish(self.topic_id, messages).result()
        self.queue.add_published(messages)

    def take(self, limit: int) -> int:
        deliveries, saved = self.queue.take(Consumer(), limit, 1_000_000, LEASE_S)
        if saved is not None:
            saved.result()
        assert len(deliveries) <= limit
        for each in deliveries:
            message_id = each.outstanding.message_id
            key = self.published[message_id]
            assert message_id not in self.acknowledged, "an acknowledged message came again"
            assert message_id not in self.held, "a message came while a consumer holds it"
            assert each.attempt == 1 + self.failures.get(message_id, 0)
            if key and self.settings.ordered:
                earlier = {i for i, k in self.published.items() if k == key and i < message_id}
                assert earlier <= self.acknowledged, "a message came before an earlier one of its key was acknowledged"
            self.held[message_id] = (each, self.now_us + LEASE_S * 1_000_000)
        return len(deliveries)

    def pick(self, number: int) -> Delivery | None:
        held = sorted(self.held)
        return self.held[held[number % len(held)]][0] if held else None

    def acknowledge(self, number: int) -> None:
        if each := self.pick(number):
            refused, saved = self.queue.acknowledge([self.queue.ack_id(each)])
            assert not refused
            assert saved is not None
            saved.result()
            self.acknowledged.add(each.outstanding.message_id)
            del self.held[each.outstanding.message_id]

    def modify(self, number: int, seconds: int) -> None:
        if each := self.pick(number):
            refused, saved = self.queue.modify({self.queue.ack_id(each): seconds})
            assert not refused
            assert saved is not None
            saved.result()
            message_id = each.outstanding.message_id
            if seconds:
                self.held[message_id] = (each, self.now_us + seconds * 1_000_000)
            else:
                del self.held[message_id]
                self.failures[message_id] = self.failures.get(message_id, 0) + 1

    def drop(self, number: int) -> None:
        """As retention or a seek forward does: everything before one of the messages counts as acknowledged."""
        if self.published:
            border = sorted(self.published)[number % len(self.published)]
            if (saved := self.queue.drop_before(border)) is not None:
                saved.result()
            self.acknowledged |= {i for i in self.published if i < border}
            self.held = {i: each for i, each in self.held.items() if i >= border}

    def replay(self, number: int) -> None:
        """A seek back: everything from one of the messages on is delivered again, everything before it is done."""
        if self.published:
            border = sorted(self.published)[number % len(self.published)]
            self.queue.replay_from(border).result()
            self.acknowledged = {i for i in self.published if i < border}
            self.held.clear()
            self.failures.clear()

    def restart(self) -> None:
        self.queue.close()
        self.open()
        self.queue.check_deadlines()

    def drain(self) -> None:
        """Acknowledge everything until all messages have been delivered."""
        for _ in range(100 + 2 * len(self.published)):
            self.advance(30)
            while self.take(100):
                while self.held:
                    self.acknowledge(0)
            if self.acknowledged == self.published.keys():
                return
        raise AssertionError(f"never delivered: {sorted(self.published.keys() - self.acknowledged)}")


operations = st.lists(
    st.tuples(st.just("publish"), st.lists(st.sampled_from(["", "a", "b"]), min_size=1, max_size=6))
    | st.tuples(st.just("take"), st.integers(1, 5))
    | st.tuples(st.just("acknowledge"), st.integers(0, 9))
    | st.tuples(st.just("nack"), st.integers(0, 9))
    | st.tuples(st.just("extend"), st.integers(0, 9))
    | st.tuples(st.just("advance"), st.sampled_from([0.05, 1.0, 9.0, 11.0]))
    | st.tuples(st.just("drop"), st.integers(0, 9))
    | st.tuples(st.just("replay"), st.integers(0, 9))
    | st.tuples(st.just("restart"), st.none()),
    max_size=25,
)
delivery_settings = st.builds(
    DeliverySettings,
    ordered=st.booleans(),
    exactly_once=st.booleans(),
    min_backoff_us=st.sampled_from([0, 100_000, 5_000_000]),
    max_backoff_us=st.just(5_000_000),
)


@settings(max_examples=40, deadline=None)
@given(operations, delivery_settings)
def test_no_history_breaks_a_guarantee(steps: list[tuple[str, Any]], chosen: DeliverySettings) -> None:
    """No message comes while held or once acknowledged, keys keep their order, attempts are counted, all arrive."""

    async def play(history: History) -> None:
        history.open()
        for step, value in steps:
            match step:
                case "publish":
                    history.publish(value)
                case "take":
                    history.take(value)
                case "acknowledge":
                    history.acknowledge(value)
                case "nack":
                    history.modify(value, 0)
                case "extend":
                    history.modify(value, 60)
                case "advance":
                    history.advance(value)
                case "drop":
                    history.drop(value)
                case "replay":
                    history.replay(value)
                case "restart":
                    history.restart()
        history.drain()

    failures: list[BaseException] = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "db", failures.append)
        history = History(store, chosen)
        with mock.patch.object(delivery, "now_us", side_effect=lambda: history.now_us):
            asyncio.run(play(history))
        store.close()
    assert not failures
