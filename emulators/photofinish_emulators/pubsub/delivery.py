"""The deliveries of one subscription: what is handed out, to whom, until when, and what comes next.

Everything here runs on the event loop's thread. Memory leads and the disk follows: a decision is made here, its write
is submitted at once, and whoever is told of it is told after the write is on disk. As writes keep their order, the
disk is at every moment a state that was true a moment ago.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum, auto

from photofinish_emulators.pubsub.deadlines import Deadlines
from photofinish_emulators.pubsub.storage import Message, Storage

# Messages read ahead of the consumers; the rest of a backlog stays on disk.
WINDOW_MESSAGES = 1000
WINDOW_BYTES = 1 * 1024 * 1024
# How many messages may wait behind an ordering key that is busy before the subscription stops looking past them.
MAX_BLOCKED = 10_000
# What a message costs in a response, beside its body.
MESSAGE_OVERHEAD = 64
INVALID_ACK_ID = "PERMANENT_FAILURE_INVALID_ACK_ID"


def now_us() -> int:
    return time.time_ns() // 1000


class State(Enum):
    LEASED = auto()  # somebody has it until its deadline
    BACKING_OFF = auto()  # failed; waits for the retry policy's delay
    READY = auto()  # failed; may be delivered now
    BLOCKED = auto()  # waits for an earlier message of its ordering key
    FORWARDING = auto()  # on its way to the dead-letter topic
    DONE = auto()  # acknowledged, dropped or forwarded


@dataclass(slots=True, eq=False)
class Outstanding:
    """A message that was taken from the topic and is not acknowledged."""

    message_id: int
    ordering_key: str  # "" when the subscription does not order
    size: int  # bytes of the body
    lease: int = 0
    failures: int = 0
    state: State = State.BLOCKED
    until_us: int = 0
    consumer: Consumer | None = None

    def __lt__(self, other: Outstanding) -> bool:
        return self.message_id < other.message_id


@dataclass(slots=True, eq=False)
class Consumer:
    """Somebody who takes messages; ``max_*`` bound what it holds at a time."""

    max_messages: float = float("inf")
    max_bytes: float = float("inf")
    messages: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message handed to a consumer; ``attempt`` counts from 1."""

    outstanding: Outstanding
    lease: int
    attempt: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """What of a subscription's configuration decides about deliveries."""

    ordered: bool = False
    exactly_once: bool = False
    matches: Callable[[bytes], bool] | None = None  # the filter, on a message's body
    min_backoff_us: int = 0
    max_backoff_us: int = 0
    max_attempts: int | None = None  # None: no dead-letter policy

    def backoff_us(self, failures: int) -> int:
        """The delay before the next delivery, doubling with each failure."""
        return min(self.max_backoff_us, self.min_backoff_us << min(failures - 1, 40))


@dataclass(slots=True, eq=False)
class OrderingKey:
    """The outstanding messages of one ordering key: ``leased`` is out with consumers, ``waiting`` follows by id."""

    leased: dict[int, Outstanding] = field(default_factory=dict)
    waiting: list[Outstanding] = field(default_factory=list)  # a heap; what is done leaves it late

    def head(self) -> Outstanding | None:
        """The next one to be delivered, whether or not its time has come."""
        while self.waiting and self.waiting[0].state not in (State.BLOCKED, State.BACKING_OFF):
            heapq.heappop(self.waiting)
        return self.waiting[0] if self.waiting else None


class DeliveryQueue:
    """What one subscription has to deliver.

    ``dead_letter`` is asked when the last attempt failed: it starts to forward the message, answers True and calls
    :meth:`forwarded` when that is on disk; or it answers False because it cannot. ``gone`` hears of each message that
    needs no delivery any more.
    """

    def __init__(
        self,
        storage: Storage,
        subscription_id: int,
        topic_id: int,
        cursor: int,
        settings: DeliverySettings,
        dead_letter: Callable[[Outstanding], bool],
        gone: Callable[[Sequence[int]], None],
    ) -> None:
        self.settings = settings
        self.outstanding: dict[int, Outstanding] = {}
        self.wake = asyncio.Event()
        self.consumers = 0
        self._storage = storage
        self._subscription_id = subscription_id
        self._topic_id = topic_id
        self._dead_letter = dead_letter
        self._gone = gone
        # Messages that nobody took yet; `_tail` is the last one looked at, `_behind` says that the disk has more.
        self._window: deque[Message] = deque()
        self._window_bytes = 0
        self._tail = cursor
        self._behind = True
        self._saved_cursor = cursor
        self._ready: deque[Outstanding] = deque()
        self._keys: dict[str, OrderingKey] = {}
        self._ready_keys: deque[str] = deque()
        self._blocked = 0
        self._deadlines = Deadlines()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_us = 0
        for row in storage.deliveries(subscription_id):
            self._restore(
                Outstanding(
                    row.message_id,
                    row.ordering_key if settings.ordered else "",
                    row.size,
                    row.lease,
                    row.failures,
                    State.LEASED if row.leased else State.BACKING_OFF,
                    row.until_us,
                )
            )
        self._arm()

    def _restore(self, message: Outstanding) -> None:
        self.outstanding[message.message_id] = message
        self._deadlines.set(message.message_id, message.until_us)
        if message.ordering_key:
            key = self._keys.setdefault(message.ordering_key, OrderingKey())
            if message.state is State.LEASED:
                key.leased[message.message_id] = message
            else:
                heapq.heappush(key.waiting, message)

    @property
    def cursor(self) -> int:
        """The last message that was taken, or did not match the filter."""
        return self._window[0].id - 1 if self._window else self._tail

    def close(self) -> None:
        """Forget everything and stop the clock; what consumers still hold means nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        for message in self.outstanding.values():
            message.state = State.DONE
        self.outstanding.clear()
        self._deadlines.clear()
        self._window.clear()
        self._behind = False
        self.wake.set()

    # What comes in

    def offer(self, messages: Sequence[Message]) -> None:
        """Hear of messages that are on disk now. In order of their ids, over all calls."""
        matches = self.settings.matches
        for message in messages:
            if message.id <= self._tail or self._behind:
                continue
            if matches is not None and not matches(message.body):
                self._tail = message.id
            elif self.consumers and len(self._window) < WINDOW_MESSAGES and self._window_bytes < WINDOW_BYTES:
                self._push(message)
            else:
                self._behind = True
        self.wake.set()

    def _push(self, message: Message) -> None:
        self._window.append(message)
        self._window_bytes += len(message.body)
        self._tail = message.id

    def _refill(self) -> None:
        """Read on from disk; one bounded read, so that a filter which matches nothing does not hold up the loop."""
        matches = self.settings.matches
        messages, at_end = self._storage.messages_after(self._topic_id, self._tail, WINDOW_MESSAGES, WINDOW_BYTES)
        for message in messages:
            if matches is None or matches(message.body):
                self._push(message)
            else:
                self._tail = message.id
        self._behind = not at_end
        if self._behind and not self._window:
            asyncio.get_running_loop().call_soon(self.wake.set)

    # What goes out

    def take(
        self, consumer: Consumer, limit: int, max_bytes: int, lease_s: float, one_per_key: bool = False
    ) -> tuple[list[Delivery], Future[None] | None]:
        """Lease up to ``limit`` messages for ``lease_s`` seconds; hand them out after the future has resolved.

        The future is None when there is nothing to hand out. No more than ``max_bytes``, but at least one message, and
        no more than the consumer may hold. Messages of one ordering key come in order, and only while nobody holds any of that key;
        with ``one_per_key`` one at a time.
        """
        picked: list[Outstanding] = []
        bodies: dict[int, bytes] = {}
        blocked: list[Outstanding] = []
        size = 0

        def room(next_size: int) -> bool:
            return (
                len(picked) < limit
                and (not picked or size + next_size + MESSAGE_OVERHEAD <= max_bytes)
                and consumer.messages < consumer.max_messages
                and consumer.bytes < consumer.max_bytes
            )

        def pick(message: Outstanding) -> None:
            nonlocal size
            picked.append(message)
            size += message.size + MESSAGE_OVERHEAD
            self._lease(message, consumer, lease_s)

        while self._ready and room(self._ready[0].size):
            message = self._ready.popleft()
            if message.state is State.READY:
                pick(message)
        while self._ready_keys and room(0):
            key = self._keys.get(self._ready_keys.popleft())
            if key is None or key.leased:
                continue
            while (head := key.head()) is not None and head.state is State.BLOCKED and room(head.size):
                heapq.heappop(key.waiting)
                self._blocked -= 1
                pick(head)
                key.leased[head.message_id] = head
                if one_per_key:
                    break
        mine: set[str] = set()
        while room(0) and self._blocked < MAX_BLOCKED:
            if not self._window and self._behind:
                self._refill()
            if not self._window or not room(len(self._window[0].body)):
                break
            new = self._window.popleft()
            self._window_bytes -= len(new.body)
            name = new.ordering_key if self.settings.ordered else ""
            message = Outstanding(new.id, name, len(new.body))
            self.outstanding[new.id] = message
            if name:
                key = self._keys.setdefault(name, OrderingKey())
                if (key.leased and (one_per_key or name not in mine)) or key.head() is not None:
                    heapq.heappush(key.waiting, message)
                    self._blocked += 1
                    blocked.append(message)
                    continue
                key.leased[new.id] = message
                mine.add(name)
            bodies[new.id] = new.body
            pick(message)
        if not picked and not blocked:
            return [], None
        saved = self._save([*picked, *blocked])
        again = [message.message_id for message in picked if message.message_id not in bodies]
        if again:
            bodies.update(self._storage.bodies(again))
        self._arm()
        deliveries = [
            Delivery(message, message.lease, message.failures + 1, bodies[message.message_id]) for message in picked
        ]
        return deliveries, saved

    def _lease(self, message: Outstanding, consumer: Consumer, lease_s: float) -> None:
        message.lease += 1
        message.state = State.LEASED
        message.until_us = now_us() + int(lease_s * 1e6)
        message.consumer = consumer
        consumer.messages += 1
        consumer.bytes += message.size
        self._deadlines.set(message.message_id, message.until_us)

    def _save(self, messages: Iterable[Outstanding]) -> Future[None]:
        cursor = self.cursor if self.cursor != self._saved_cursor else None
        self._saved_cursor = self.cursor
        return self._storage.put_deliveries(
            self._subscription_id,
            [
                (m.message_id, m.lease, m.failures, m.state is State.LEASED, m.until_us)
                for m in messages
                if m.state not in (State.FORWARDING, State.DONE)
            ],
            cursor,
        )

    # What comes back

    def ack_id(self, delivery: Delivery) -> str:
        return f"{self._subscription_id}-{delivery.outstanding.message_id}-{delivery.lease}"

    def parse_ack_id(self, ack_id: str) -> tuple[int, int]:
        """Message id and lease.

        Raises:
            ValueError: it is malformed, or of another subscription.
        """
        subscription_id, message_id, lease = map(int, ack_id.split("-"))
        if subscription_id != self._subscription_id:
            raise ValueError(ack_id)
        return message_id, lease

    def acknowledge(self, ack_ids: Iterable[str]) -> tuple[dict[str, str], Future[None] | None]:
        """Which did not count and why, and when the others are on disk (None: nothing to write).

        Without exactly-once delivery every acknowledgement counts, a late one too, and none is refused.
        """
        refused: dict[str, str] = {}
        done: list[Outstanding] = []
        for ack_id in ack_ids:
            message_id, lease = self.parse_ack_id(ack_id)
            message = self.outstanding.get(message_id)
            if self.settings.exactly_once and not _holds(message, lease):
                refused[ack_id] = INVALID_ACK_ID
            elif message is not None and message.state not in (State.FORWARDING, State.DONE):
                done.append(message)
                self._finish(message)
        return refused, self._remove(done)

    def modify(self, ack_ids: Mapping[str, int]) -> tuple[dict[str, str], Future[None] | None]:
        """Set deadlines, in seconds from now; 0 is a negative acknowledgement. Answers like :meth:`acknowledge`."""
        refused: dict[str, str] = {}
        extended: dict[int, list[int]] = {}
        failed: list[Outstanding] = []
        saved: Future[None] | None = None
        now = now_us()
        for ack_id, seconds in ack_ids.items():
            message_id, lease = self.parse_ack_id(ack_id)
            message = self.outstanding.get(message_id)
            if message is None or not _holds(message, lease):
                if self.settings.exactly_once:
                    refused[ack_id] = INVALID_ACK_ID
            elif seconds == 0:
                self._fail(message)
                failed.append(message)
            else:
                message.until_us = now + seconds * 1_000_000
                self._deadlines.set(message_id, message.until_us)
                extended.setdefault(message.until_us, []).append(message_id)
        for until_us, message_ids in extended.items():
            saved = self._storage.extend_deliveries(self._subscription_id, message_ids, until_us)
        if failed:
            saved = self._save(failed)  # after whatever _fail wrote, so this one's future stands for all
            self.wake.set()
        self._arm()
        return refused, saved

    def settle(self, delivery: Delivery, accepted: bool) -> None:
        """The outcome of a push."""
        message = delivery.outstanding
        if not _holds(message, delivery.lease):
            return
        if accepted:
            self._finish(message)
            self._remove([message])
        else:
            self._fail(message)
            self._save([message])
            self._arm()
            self.wake.set()

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """Take back what could not be handed out; it does not count as an attempt."""
        back: list[Outstanding] = []
        for delivery in deliveries:
            message = delivery.outstanding
            if not _holds(message, delivery.lease):
                continue
            back.append(message)
            self._release_consumer(message)
            self._deadlines.discard(message.message_id)
            message.until_us = 0
            self._requeue(message)
        if back:
            self._save(back)
            self.wake.set()

    def forwarded(self, message: Outstanding) -> None:
        """The dead-letter topic has it, on disk."""
        if message.state is State.FORWARDING:
            self._finish(message)
            self._gone([message.message_id])

    def _remove(self, done: Sequence[Outstanding]) -> Future[None] | None:
        if not done:
            return None
        message_ids = [message.message_id for message in done]
        saved = self._storage.remove_deliveries(self._subscription_id, message_ids)
        self._gone(message_ids)
        self.wake.set()
        return saved

    def _finish(self, message: Outstanding) -> None:
        if message.state is State.BLOCKED:
            self._blocked -= 1
        message.state = State.DONE
        self._release_consumer(message)
        if self.outstanding.get(message.message_id) is message:  # a replay may have put another in its place
            del self.outstanding[message.message_id]
            self._deadlines.discard(message.message_id)
        if message.ordering_key:
            self._unblock(message.ordering_key, message)

    def _unblock(self, name: str, message: Outstanding) -> None:
        """``message`` is no longer out: let its key go on."""
        key = self._keys.get(name)
        if key is None:
            return
        key.leased.pop(message.message_id, None)
        if not key.leased:
            head = key.head()
            if head is None:
                del self._keys[name]
            elif head.state is State.BLOCKED:
                self._ready_keys.append(name)

    def _fail(self, message: Outstanding) -> None:
        """A negative acknowledgement or a missed deadline: deliver again, later, or give up on it."""
        self._release_consumer(message)
        message.failures += 1
        attempts = self.settings.max_attempts
        if attempts is not None and message.failures >= attempts and self._dead_letter(message):
            message.state = State.FORWARDING
            self._deadlines.discard(message.message_id)
            return
        delay_us = self.settings.backoff_us(message.failures)
        message.until_us = now_us() + delay_us
        if delay_us:
            message.state = State.BACKING_OFF
            self._deadlines.set(message.message_id, message.until_us)
            if message.ordering_key:
                self._wait_in_key(message)
        else:
            self._deadlines.discard(message.message_id)
            self._requeue(message)

    def _requeue(self, message: Outstanding) -> None:
        """May be delivered now, in the order of its key."""
        if not message.ordering_key:
            message.state = State.READY
            self._ready.append(message)
            return
        message.state = State.BLOCKED
        self._blocked += 1
        self._wait_in_key(message)

    def _wait_in_key(self, message: Outstanding) -> None:
        """Put a failed message first in its key; what was handed out of that key behind it comes again after it."""
        key = self._keys[message.ordering_key]
        heapq.heappush(key.waiting, message)
        later = [m for m in key.leased.values() if m.message_id > message.message_id and m.state is State.LEASED]
        for follower in later:
            self._release_consumer(follower)
            self._deadlines.discard(follower.message_id)
            del key.leased[follower.message_id]
            follower.state = State.BLOCKED
            self._blocked += 1
            heapq.heappush(key.waiting, follower)
        self._unblock(message.ordering_key, message)

    @staticmethod
    def _release_consumer(message: Outstanding) -> None:
        if message.consumer is not None:
            message.consumer.messages -= 1
            message.consumer.bytes -= message.size
            message.consumer = None

    # Time

    def _arm(self) -> None:
        """Have :meth:`_on_time` called at the next deadline."""
        next_us = self._deadlines.next_us()
        if next_us is None or (self._timer is not None and self._timer_us <= next_us):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_us = next_us
        delay_s = max(0.0, (next_us - now_us()) / 1e6)
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        for message_id in self._deadlines.pop_due(now_us()):
            message = self.outstanding[message_id]
            if message.state is State.LEASED:
                # No write: a lease whose time is over on disk is read as this failure after a restart.
                self._fail(message)
            elif message.state is State.BACKING_OFF and not message.ordering_key:
                message.state = State.READY
                self._ready.append(message)
            elif message.state is State.BACKING_OFF:
                message.state = State.BLOCKED
                self._blocked += 1
                self._unblock(message.ordering_key, message)
        self.wake.set()
        self._arm()

    # Moving about

    def drop_before(self, message_id: int) -> Future[None] | None:
        """Give up everything published before this id, as if acknowledged."""
        dropped = [
            m for m in self.outstanding.values() if m.message_id < message_id and m.state is not State.FORWARDING
        ]
        if not dropped and self.cursor >= message_id - 1:
            return None
        for message in dropped:
            self._finish(message)
        while self._window and self._window[0].id < message_id:
            self._window_bytes -= len(self._window.popleft().body)
        self._tail = max(self._tail, message_id - 1)
        self._saved_cursor = self.cursor
        saved = self._storage.reposition(self._subscription_id, message_id, self.cursor)
        self._gone([message.message_id for message in dropped])
        return saved

    def replay_from(self, message_id: int) -> Future[None]:
        """Deliver every message from this id on again, whatever became of it."""
        dropped = [m for m in self.outstanding.values() if m.state is not State.FORWARDING]
        for message in dropped:
            self._finish(message)
        self._window.clear()
        self._window_bytes = 0
        self._tail = message_id - 1
        self._behind = True
        self._saved_cursor = self._tail
        saved = self._storage.reposition(self._subscription_id, None, self._tail)
        self._gone([message.message_id for message in dropped if message.message_id < message_id])
        self.wake.set()
        return saved


def _holds(message: Outstanding | None, lease: int) -> bool:
    return message is not None and message.state is State.LEASED and message.lease == lease
