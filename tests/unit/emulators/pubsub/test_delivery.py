"""The delivery queue's guarantees, over random histories with restarts, on a real store."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from photofinish_emulators.pubsub import delivery, protos
from photofinish_emulators.pubsub.delivery import DeliveryQueue
from photofinish_emulators.pubsub.outstanding import Consumer, Delivery, DeliverySettings, Outstanding
from photofinish_emulators.pubsub.store import Message, Store
from support.examples import examples

LEASE_S = 10
START_US = 1_700_000_000_000_000


@dataclass
class Key:
    """What the documentation promises for one ordering key: what is out, in order, and with which consumer."""

    published: list[int] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    out: dict[int, bool] = field(default_factory=dict)  # id → acknowledged
    consumer: Consumer | None = None

    def expected(self) -> int | None:
        """The only message that may come next."""
        return next((i for i in self.published if i not in self.done and i not in self.out), None)

    def is_free_for(self, consumer: Consumer) -> bool:
        return not self.out or (self.consumer is consumer and len(self.out) < consumer.max_per_key)

    def settle(self) -> None:
        """What is acknowledged with nothing unacknowledged before it is done."""
        while self.out and next(iter(self.out.values())):
            first = next(iter(self.out))
            del self.out[first]
            self.done.add(first)

    def take_back(self, message_id: int) -> list[int]:
        """Redeliver a message and all that came after it, even acknowledged ones."""
        back = [i for i in self.out if i >= message_id]
        for each in back:
            del self.out[each]
        return back

    def give_up(self, ids: Iterable[int]) -> None:
        for each in ids:
            self.out.pop(each, None)
            self.done.add(each)
        self.settle()


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
        self.dead: set[int] = set()
        self.failures: dict[int, int] = {}
        self.held: dict[int, tuple[Delivery, int]] = {}  # message id → newest delivery and its deadline
        self.stale: list[Delivery] = []  # leases that were lost
        self.keys: dict[str, Key] = defaultdict(Key)

    def open(self) -> None:
        # Two streams and a push endpoint; a pull is a consumer of its own.
        self.consumers = [Consumer(), Consumer(), Consumer(max_per_key=1)]
        [(_, _, _, _, _, cursor)] = self.store.subscriptions()
        self.queue = DeliveryQueue(
            self.store, self.subscription_id, self.topic_id, cursor, self.settings, self.dead_letter, lambda _: None
        )

    def dead_letter(self, message: Outstanding) -> bool:
        self.dead.add(message.message_id)
        self.store.remove_deliveries(self.subscription_id, [message.message_id])
        asyncio.get_running_loop().call_soon(lambda queue=self.queue: queue.forwarded(message))
        return True

    def key_of(self, message_id: int) -> Key | None:
        name = self.published[message_id]
        return self.keys[name] if name and self.settings.ordered else None

    def lose(self, message_id: int) -> None:
        if message_id in self.held:
            self.stale.append(self.held.pop(message_id)[0])

    def fail(self, message_id: int) -> None:
        self.lose(message_id)
        count = self.failures[message_id] = self.failures.get(message_id, 0) + 1
        key = self.key_of(message_id)
        if self.settings.max_attempts is not None and count >= self.settings.max_attempts:
            assert message_id in self.dead
            self.acknowledged.add(message_id)
            if key is not None:
                key.give_up([message_id])
        elif key is not None:
            for each in key.take_back(message_id):
                self.lose(each)

    def advance(self, seconds: float) -> None:
        self.now_us += int(seconds * 1e6)
        # A deadline is noticed late by at most its resolution.
        now_us = self.now_us + 20_000
        due = [(-(-at // 20_000), i) for i, (_, at) in self.held.items() if -(-at // 20_000) * 20_000 <= now_us]
        self.now_us = now_us
        self.queue.check_deadlines()
        for _, message_id in sorted(due):
            if message_id in self.held:  # not taken back with an earlier one of its key
                self.fail(message_id)

    def publish(self, names: list[str]) -> None:
        messages = []
        for name in names:
            self.now_us += 1
            body = protos.PubsubMessage(data=b"x", ordering_key=name).SerializeToString()
            messages.append(Message(self.now_us, name, body))
            self.published[self.now_us] = name
            self.keys[name].published.append(self.now_us)
        self.store.publish(self.topic_id, messages).result()
        self.queue.add_published(messages)

    def take(self, who: int, limit: int) -> int:
        consumer = self.consumers[who] if who < len(self.consumers) else Consumer()
        deliveries, saved = self.queue.take(consumer, limit, 1_000_000, LEASE_S)
        if saved is not None:
            saved.result()
        assert len(deliveries) <= limit
        for each in deliveries:
            message_id = each.outstanding.message_id
            assert message_id not in self.held, "a message came while a consumer holds it"
            assert each.attempt == 1 + self.failures.get(message_id, 0)
            key = self.key_of(message_id)
            if key is None:
                assert message_id not in self.acknowledged, "an acknowledged message came again"
            else:
                assert message_id == key.expected(), "a message came before an earlier one of its key"
                assert key.is_free_for(consumer), "a key is with two consumers, or has too many out"
                key.consumer = consumer
                key.out[message_id] = False
            self.held[message_id] = (each, self.now_us + LEASE_S * 1_000_000)
        for each in self.consumers:
            mine = [d for d, _ in self.held.values() if d.outstanding.consumer is each]
            assert each.messages == len(mine)
        return len(deliveries)

    def pick(self, number: int) -> Delivery | None:
        held = sorted(self.held)
        return self.held[held[number % len(held)]][0] if held else None

    def acknowledge(self, number: int) -> None:
        if not (each := self.pick(number)):
            return
        message_id = each.outstanding.message_id
        key = self.key_of(message_id)
        refused, saved = self.queue.acknowledge([self.queue.ack_id(each)])
        if key is not None and self.settings.exactly_once and next(iter(key.out)) != message_id:
            assert list(refused.values()) == ["TRANSIENT_FAILURE_UNORDERED_ACK_ID"]
            return
        assert not refused
        assert saved is not None
        saved.result()
        del self.held[message_id]
        if key is None:
            self.acknowledged.add(message_id)
        else:
            key.out[message_id] = True
            key.settle()

    def acknowledge_late(self, number: int) -> None:
        """With a lease that was lost: with an ordering key or exactly-once delivery, it has no effect."""
        if not self.stale:
            return
        each = self.stale[number % len(self.stale)]
        message_id = each.outstanding.message_id
        refused, saved = self.queue.acknowledge([self.queue.ack_id(each)])
        assert bool(refused) == self.settings.exactly_once
        if saved is not None:
            saved.result()
        if not self.settings.exactly_once and self.key_of(message_id) is None:
            self.acknowledged.add(message_id)
            self.held.pop(message_id, None)

    def modify(self, number: int, seconds: int) -> None:
        if each := self.pick(number):
            message_id = each.outstanding.message_id
            refused, saved = self.queue.modify({self.queue.ack_id(each): seconds})
            assert not refused
            if saved is not None:
                saved.result()
            if seconds:
                self.held[message_id] = (each, self.now_us + seconds * 1_000_000)
            else:
                self.fail(message_id)

    def drop(self, number: int) -> None:
        """As retention or a seek forward does: everything before one of the messages counts as acknowledged."""
        if self.published:
            border = sorted(self.published)[number % len(self.published)]
            if (saved := self.queue.drop_before(border)) is not None:
                saved.result()
            before = {i for i in self.published if i < border}
            self.acknowledged |= before
            for key in self.keys.values():
                key.give_up(i for i in key.published if i in before)
            self.held = {i: each for i, each in self.held.items() if i >= border}

    def replay(self, number: int) -> None:
        """A seek back: everything from one of the messages on is delivered again, everything before it is done."""
        if self.published:
            border = sorted(self.published)[number % len(self.published)]
            self.queue.replay_from(border).result()
            self.acknowledged = {i for i in self.published if i < border}
            for key in self.keys.values():
                key.done = {i for i in key.published if i < border}
                key.out.clear()
            self.held.clear()
            self.stale.clear()
            self.failures.clear()

    def restart(self) -> None:
        self.queue.close()
        self.open()
        for key in self.keys.values():
            key.consumer = None
        self.advance(0)

    def is_done(self, message_id: int) -> bool:
        key = self.key_of(message_id)
        return message_id in (self.acknowledged if key is None else key.done)

    def drain(self) -> None:
        """Acknowledge everything until all messages have been delivered."""
        for _ in range(100 + 2 * len(self.published)):
            self.advance(60)
            while self.take(3, 100):
                while self.held:
                    self.acknowledge(0)
            if all(map(self.is_done, self.published)):
                return
        raise AssertionError(f"never delivered: {[i for i in self.published if not self.is_done(i)]}")


operations = st.lists(
    st.tuples(st.just("publish"), st.lists(st.sampled_from(["", "a", "a", "b"]), min_size=1, max_size=8))
    | st.tuples(st.just("take"), st.tuples(st.sampled_from([0, 0, 1, 2, 3]), st.integers(1, 9)))
    | st.tuples(st.just("acknowledge"), st.integers(0, 9))
    | st.tuples(st.just("acknowledge late"), st.integers(0, 9))
    | st.tuples(st.just("nack"), st.integers(0, 9))
    | st.tuples(st.just("extend"), st.integers(0, 9))
    | st.tuples(st.just("advance"), st.sampled_from([0.05, 1.0, 9.0, 11.0]))
    | st.tuples(st.just("drop"), st.integers(0, 9))
    | st.tuples(st.just("replay"), st.integers(0, 9))
    | st.tuples(st.just("restart"), st.none()),
    max_size=30,
)
delivery_settings = st.builds(
    DeliverySettings,
    ordered=st.booleans(),
    exactly_once=st.booleans(),
    min_backoff_us=st.sampled_from([0, 100_000, 5_000_000]),
    max_backoff_us=st.just(5_000_000),
    max_attempts=st.sampled_from([None, 2]),
)


async def play(history: History, steps: list[tuple[str, Any]]) -> None:
    history.open()
    for step, value in steps:
        await asyncio.sleep(0)  # what is forwarded
        match step:
            case "publish":
                history.publish(value)
            case "take":
                history.take(*value)
            case "acknowledge":
                history.acknowledge(value)
            case "acknowledge late":
                history.acknowledge_late(value)
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


def check(steps: list[tuple[str, Any]], chosen: DeliverySettings) -> None:
    failures: list[BaseException] = []
    # In memory, where an fsync costs nothing: a machine's power does not fail here.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        store = Store(Path(folder) / "db", failures.append)
        history = History(store, chosen)
        with mock.patch.object(delivery, "now_us", side_effect=lambda: history.now_us):
            asyncio.run(play(history, steps))
        store.close()
    assert not failures


BACKING_OFF = DeliverySettings(ordered=True, min_backoff_us=5_000_000, max_backoff_us=5_000_000)


@settings(max_examples=examples(100))
@given(operations, delivery_settings)
@example(  # a message of a key does not overtake one that backs off, whether it was published before or after
    [("publish", ["a"]), ("take", (0, 1)), ("nack", 0), ("publish", ["a"]), ("take", (0, 9))], BACKING_OFF
)
@example([("publish", ["a", "a"]), ("take", (0, 9)), ("nack", 0), ("take", (0, 9)), ("take", (3, 9))], BACKING_OFF)
def test_no_history_breaks_a_guarantee(steps: list[tuple[str, Any]], chosen: DeliverySettings) -> None:
    """No message comes while held or once acknowledged, keys keep their order, attempts are counted, all arrive.

    A key's messages come without a gap in the order of publishing, to one consumer at a time; after a failure they come
    again from the failed one on.
    """
    check(steps, chosen)


def test_delays_double_up_to_the_longest() -> None:
    chosen = DeliverySettings(min_backoff_us=200, max_backoff_us=700)
    assert [chosen.backoff_us(failures) for failures in (1, 2, 3, 4, 1000)] == [200, 400, 700, 700, 700]
    assert DeliverySettings().backoff_us(1) == 0


key_operations = st.lists(
    st.tuples(st.just("take"), st.tuples(st.sampled_from([0, 0, 1, 2]), st.integers(1, 9)))
    | st.tuples(st.sampled_from(["acknowledge", "acknowledge late", "nack", "extend"]), st.integers(0, 9))
    | st.tuples(st.just("advance"), st.just(11.0))
    | st.tuples(st.just("restart"), st.none()),
    min_size=4,
    max_size=30,
)


@settings(max_examples=examples(100))
@given(key_operations, st.booleans())
def test_no_history_breaks_the_order_of_a_key(steps: list[tuple[str, Any]], exactly_once: bool) -> None:
    """The same with one key, of which much is out at once."""
    check(
        [("publish", ["k"] * 12), ("take", (0, 8)), *steps], DeliverySettings(ordered=True, exactly_once=exactly_once)
    )
