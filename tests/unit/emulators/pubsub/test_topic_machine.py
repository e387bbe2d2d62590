"""Several subscriptions of one topic, with late acknowledgements, snapshots, cleaning and restarts.

What one subscription does costs no other a message, and no message is deleted that one of them still needs.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from photofinish_emulators.pubsub import delivery, protos
from photofinish_emulators.pubsub.broker import Broker
from photofinish_emulators.pubsub.outstanding import Consumer, Delivery
from photofinish_emulators.pubsub.resources import new_subscription
from photofinish_emulators.pubsub.store import Store
from photofinish_emulators.pubsub.topics import Pusher, Subscription
from support.examples import examples

T = TypeVar("T")
TOPIC = "projects/p/topics/top"
NAMES = [f"projects/p/subscriptions/sub-{number}" for number in range(3)]
LEASE_S = 10
START_US = 1_700_000_000_000_000


@dataclass
class Expected:
    """What a subscription owes its clients, and who holds what."""

    owed: set[int] = field(default_factory=set)
    held: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Message → ack id and deadline."""
    stale: dict[str, int] = field(default_factory=dict)
    """Ack ids of leases that ended → message."""

    def lose(self, message_id: int) -> None:
        ack_id, _ = self.held.pop(message_id)
        self.stale[ack_id] = message_id


def _pushes_nothing(subscription: Subscription) -> Pusher:
    raise AssertionError(f"{subscription.name} is not pushed")


class TopicMachine(RuleBasedStateMachine):
    """The broker on a loop that runs only within a step, with a clock of its own for leases."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm")
        self.loop = asyncio.new_event_loop()
        self.now_us = START_US
        self.failures: list[BaseException] = []
        self.clock = mock.patch.object(delivery, "now_us", side_effect=lambda: self.now_us)
        self.clock.start()
        self.bodies: dict[int, bytes] = {}
        self.expected: dict[str, Expected] = {}
        self.snapshot: tuple[str, set[int], int] | None = None
        """Its name, what it keeps, and the last message before it."""
        self._run(self._open())
        self._run(self.broker.create_topic(protos.Topic(name=TOPIC)))

    async def _open(self) -> None:
        self.store = Store(Path(self.folder.name) / "db", self.failures.append)
        self.broker = Broker(self.store, _pushes_nothing, self.failures.append)

    async def _close(self) -> None:
        await self.broker.close()
        self.store.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @precondition(lambda self: len(self.expected) < len(NAMES))
    @rule(data=st.data())
    def subscribe(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([name for name in NAMES if name not in self.expected]))
        config = protos.Subscription(name=name, topic=TOPIC, ack_deadline_seconds=LEASE_S)
        self._run(self.broker.create_subscription(new_subscription(config)))
        self.expected[name] = Expected()

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def unsubscribe(self, data: st.DataObject) -> None:
        name = self._one(data)
        self._run(self.broker.delete_subscription(self.broker.subscriptions[name]))
        del self.expected[name]

    @rule(count=st.integers(1, 6))
    def publish(self, count: int) -> None:
        messages = [protos.PubsubMessage(data=b"%d" % (len(self.bodies) + number)) for number in range(count)]
        topic = self.broker.topics[TOPIC]
        kept = topic.keeps_messages
        for message_id, message in zip(self._run(self.broker.publish(topic, messages)), messages, strict=True):
            self.bodies[message_id] = message.data
            if kept:
                for expected in self.expected.values():
                    expected.owed.add(message_id)

    @precondition(lambda self: self.expected)
    @rule(data=st.data(), limit=st.integers(1, 8))
    def pull(self, data: st.DataObject, limit: int) -> None:
        self._take(self._one(data), limit)

    def _take(self, name: str, limit: int) -> int:
        queue, expected = self.broker.subscriptions[name].queue, self.expected[name]
        taken: list[Delivery] = self._run(queue.take_written(Consumer(), limit, 1_000_000, LEASE_S))
        for one in taken:
            message_id = one.outstanding.message_id
            assert message_id in expected.owed, "a message came that was acknowledged, or never for this subscription"
            assert message_id not in expected.held, "a message came while a client holds it"
            assert protos.PubsubMessage.FromString(one.body).data == self.bodies[message_id]
            expected.held[message_id] = (queue.ack_id(one), self.now_us + LEASE_S * 1_000_000)
        return len(taken)

    @precondition(lambda self: any(expected.held for expected in self.expected.values()))
    @rule(data=st.data(), is_good=st.booleans())
    def answer(self, data: st.DataObject, is_good: bool) -> None:
        """Acknowledge what is held, or give it back."""
        name = data.draw(st.sampled_from(sorted(name for name, one in self.expected.items() if one.held)))
        queue, expected = self.broker.subscriptions[name].queue, self.expected[name]
        message_id = data.draw(st.sampled_from(sorted(expected.held)))
        ack_id, _ = expected.held[message_id]
        if is_good:
            self._written(queue.acknowledge([ack_id]))
            del expected.held[message_id]
            expected.owed.discard(message_id)
        else:
            self._written(queue.modify({ack_id: 0}))
            expected.lose(message_id)

    @precondition(lambda self: any(expected.stale for expected in self.expected.values()))
    @rule(data=st.data(), is_good=st.booleans())
    def answer_late(self, data: st.DataObject, is_good: bool) -> None:
        """A late acknowledgement counts, for its subscription alone; a late negative one does not."""
        name = data.draw(st.sampled_from(sorted(name for name, one in self.expected.items() if one.stale)))
        queue, expected = self.broker.subscriptions[name].queue, self.expected[name]
        ack_id = data.draw(st.sampled_from(sorted(expected.stale)))
        if is_good:
            self._written(queue.acknowledge([ack_id]))
            expected.owed.discard(expected.stale[ack_id])
            expected.held.pop(expected.stale[ack_id], None)
        else:
            self._written(queue.modify({ack_id: 0}))

    @rule(seconds=st.sampled_from([1, 9, 11]))
    def let_time_pass(self, seconds: int) -> None:
        self.now_us += seconds * 1_000_000 + 20_000  # a deadline is noticed late by at most so much
        self._run(self._check_deadlines())

    async def _check_deadlines(self) -> None:
        for name, expected in self.expected.items():
            self.broker.subscriptions[name].queue.check_deadlines()
            for message_id, (_, until_us) in list(expected.held.items()):
                if -(-until_us // 20_000) * 20_000 <= self.now_us:
                    expected.lose(message_id)

    @precondition(lambda self: self.expected and self.snapshot is None)
    @rule(data=st.data())
    def keep(self, data: st.DataObject) -> None:
        name = self._one(data)
        made = self._run(self.broker.snapshots.create(self.broker.subscriptions[name], "", {}))
        self.snapshot = (made.name, set(self.expected[name].owed), max(self.bodies, default=0))

    @precondition(lambda self: self.expected and self.snapshot is not None)
    @rule(data=st.data())
    def seek(self, data: st.DataObject) -> None:
        """Any subscription of the topic, also one that was made later, gets what the snapshot keeps."""
        assert self.snapshot is not None
        made, kept, last = self.snapshot
        name = self._one(data)
        snapshots = self.broker.snapshots
        self._run(snapshots.seek(self.broker.subscriptions[name], snapshots.find(made)))
        self.expected[name] = Expected(kept | {message_id for message_id in self.bodies if message_id > last})

    @precondition(lambda self: self.snapshot is not None)
    @rule()
    def forget(self) -> None:
        assert self.snapshot is not None
        self._run(self.broker.snapshots.delete(self.broker.snapshots.find(self.snapshot[0])))
        self.snapshot = None

    @rule()
    def clean(self) -> None:
        self._run(self.broker.cleanup.sweep(self.broker.topics[TOPIC]))

    @rule()
    def restart(self) -> None:
        self._run(self._close())
        self._run(self._open())
        self._run(self._check_deadlines())

    @invariant()
    def nothing_failed(self) -> None:
        assert not getattr(self, "failures", [])

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.let_time_pass(11)
            for name, expected in self.expected.items():
                while self._take(name, 100):
                    pass
                assert set(expected.held) == expected.owed, "a message never comes"
        finally:
            self._run(self._close())
            self.loop.close()
            self.clock.stop()
            self.folder.cleanup()

    def _one(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.expected)))

    def _written(self, answer: tuple[dict[str, str], Any]) -> None:
        refused, saved = answer
        assert not refused
        if saved is not None:
            saved.result()


TestTopicMachine = TopicMachine.TestCase
TestTopicMachine.settings = settings(
    max_examples=examples(10), stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
