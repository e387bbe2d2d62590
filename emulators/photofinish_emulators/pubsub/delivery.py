"""The deliveries of one subscription: leases, acknowledgements, retries, and seeking.

Everything here runs on the event loop's thread. A decision is made in memory, its write is submitted at once, and
callers are answered after the write is on disk. Writes keep their order, so the disk always holds a state that the
memory was in shortly before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future

from photofinish_emulators.pubsub.backlog import Backlog
from photofinish_emulators.pubsub.deadlines import Deadlines
from photofinish_emulators.pubsub.ordering import OrderingKeys
from photofinish_emulators.pubsub.outstanding import (
    Consumer,
    Delivery,
    DeliverySettings,
    Outstanding,
    State,
)
from photofinish_emulators.pubsub.store import Message, Store, now_us, written

# Once this many messages wait for busy ordering keys, the subscription reads no further ahead.
MAX_BLOCKED = 10_000
# Bytes that a message adds to a response beside its body.
MESSAGE_OVERHEAD = 64
INVALID_ACK_ID = "PERMANENT_FAILURE_INVALID_ACK_ID"


class DeliveryQueue:
    """The messages that one subscription has to deliver.

    ``dead_letter`` is called when the last attempt has failed: it starts forwarding the message, returns True and calls
    :meth:`forwarded` once that is on disk; or it returns False because it cannot. ``finished`` is called with the ids
    of messages that need no delivery any more. :attr:`wake` is set whenever there may be something to take.
    """

    def __init__(
        self,
        store: Store,
        subscription_id: int,
        topic_id: int,
        cursor: int,
        settings: DeliverySettings,
        dead_letter: Callable[[Outstanding], bool],
        finished: Callable[[Sequence[int]], None],
    ) -> None:
        self.settings = settings
        self.outstanding: dict[int, Outstanding] = {}
        self.wake = asyncio.Event()
        self.consumers = 0  # clients that take from this queue at the moment
        self._store = store
        self._subscription_id = subscription_id
        self._dead_letter = dead_letter
        self._finished = finished
        self._backlog = Backlog(store, topic_id, cursor, settings.matches)
        self._saved_cursor = cursor
        self._ready: deque[Outstanding] = deque()  # without ordering key; may contain messages that are DONE
        self._keys = OrderingKeys()
        self._deadlines = Deadlines()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_us = 0
        self._restore()

    def _restore(self) -> None:
        for row in self._store.deliveries(self._subscription_id):
            key = row.ordering_key if self.settings.ordered else ""
            state = State.restored(row.state)
            message = Outstanding(row.message_id, key, row.size, row.lease, row.failures, state, row.until_us)
            self.outstanding[message.message_id] = message
            self._deadlines.set(message.message_id, message.until_us)
            if key:
                self._keys.restore(message)
        self._arm()

    @property
    def cursor(self) -> int:
        """The id of the last message that was taken or that the filter excluded."""
        return self._backlog.cursor

    def close(self) -> None:
        """Drop everything and stop the timer; acknowledgements of messages still held have no effect."""
        if self._timer is not None:
            self._timer.cancel()
        for message in self.outstanding.values():
            message.state = State.DONE
        self.outstanding.clear()
        self._deadlines.clear()
        self._backlog.close()
        self.wake.set()

    def add_published(self, messages: Sequence[Message]) -> None:
        """Add messages that are on disk now; ids must rise over all calls."""
        self._backlog.add_published(messages, keep=self.consumers > 0)
        self.wake.set()

    # Delivering

    async def take_written(self, consumer: Consumer, limit: int, max_bytes: int, lease_s: float) -> list[Delivery]:
        """:meth:`take`, and wait for the write. If the caller is cancelled meanwhile, the messages are released."""
        deliveries, saved = self.take(consumer, limit, max_bytes, lease_s)
        if saved is not None:
            try:
                await written(saved)
            except asyncio.CancelledError:
                self.release(deliveries)
                raise
        return deliveries

    def take(
        self, consumer: Consumer, limit: int, max_bytes: int, lease_s: float
    ) -> tuple[list[Delivery], Future[None] | None]:
        """Lease up to ``limit`` messages for ``lease_s`` seconds; deliver them after the future has resolved.

        Stops at ``max_bytes``, but takes at least one message, and stays within what the consumer may hold. The future
        is None when there is nothing to wait for.
        """
        picked: list[Outstanding] = []
        blocked: list[Outstanding] = []
        bodies: dict[int, bytes] = {}
        until_us = now_us() + int(lease_s * 1e6)
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
            size += message.size + MESSAGE_OVERHEAD
            message.hand_to(consumer, until_us)
            self._deadlines.set(message.message_id, until_us)
            picked.append(message)

        while self._ready and room(self._ready[0].size):
            message = self._ready.popleft()
            if message.state is State.READY:
                pick(message)
        for message in self._keys.take(room):
            pick(message)
        again = [message.message_id for message in picked]
        while room(0) and self._keys.blocked < MAX_BLOCKED:
            new = self._backlog.peek()
            if new is None and self._backlog.has_more:
                asyncio.get_running_loop().call_soon(self.wake.set)
            if new is None or not room(len(new.body)):
                break
            self._backlog.pop()
            message = Outstanding(new.id, new.ordering_key if self.settings.ordered else "", len(new.body))
            self.outstanding[new.id] = message
            if message.ordering_key:
                if not self._keys.is_free(message.ordering_key):
                    self._keys.block(message)
                    blocked.append(message)
                    continue
                self._keys.hand_out(message)
            bodies[new.id] = new.body
            pick(message)
        if not picked and not blocked:
            return [], None
        saved = self._save([*picked, *blocked])
        if again:
            bodies.update(self._store.bodies(again))
        self._arm()
        return [Delivery(m, m.lease, m.failures + 1, bodies[m.message_id]) for m in picked], saved

    def _save(self, messages: Iterable[Outstanding]) -> Future[None]:
        cursor = self.cursor if self.cursor != self._saved_cursor else None
        self._saved_cursor = self.cursor
        return self._store.put_deliveries(
            self._subscription_id,
            [
                (m.message_id, m.lease, m.failures, m.state.stored, m.until_us)
                for m in messages
                if m.state not in (State.FORWARDING, State.DONE)
            ],
            cursor,
        )

    # Acknowledging

    def ack_id(self, delivery: Delivery) -> str:
        return f"{self._subscription_id}-{delivery.outstanding.message_id}-{delivery.lease}"

    def parse_ack_id(self, ack_id: str) -> tuple[int, int]:
        """Message id and lease.

        Raises:
            ValueError: malformed, or of another subscription.
        """
        subscription_id, message_id, lease = map(int, ack_id.split("-"))
        if subscription_id != self._subscription_id:
            raise ValueError(ack_id)
        return message_id, lease

    def acknowledge(self, ack_ids: Iterable[str]) -> tuple[dict[str, str], Future[None] | None]:
        """Acknowledge messages; return the rejected ids with reasons, and the future of the write (None: none needed).

        Without exactly-once delivery every acknowledgement counts, even a late one, and none is rejected.
        """
        if self.settings.exactly_once:
            return self._acknowledge_exactly_once(ack_ids)
        done: list[Outstanding] = []
        for ack_id in ack_ids:
            message = self.outstanding.get(self.parse_ack_id(ack_id)[0])
            if message is not None and message.state is not State.FORWARDING:
                done.append(message)
                self._finish(message)
        return {}, self._remove(done)

    def _acknowledge_exactly_once(self, ack_ids: Iterable[str]) -> tuple[dict[str, str], Future[None] | None]:
        refused: dict[str, str] = {}
        done: list[Outstanding] = []
        for ack_id in ack_ids:
            message_id, lease = self.parse_ack_id(ack_id)
            message = self.outstanding.get(message_id)
            if message is not None and message.is_held(lease):
                message.leave_consumer()
                message.state = State.ACKNOWLEDGED
                if message.ordering_key:
                    self._keys.leave(message)
                done.append(message)
            elif message is None or message.state is not State.ACKNOWLEDGED or message.lease != lease:
                refused[ack_id] = INVALID_ACK_ID
        self.wake.set()
        return refused, self._save(done) if done else None

    def modify(self, ack_ids: Mapping[str, int]) -> tuple[dict[str, str], Future[None] | None]:
        """Set deadlines, in seconds from now; 0 is a negative acknowledgement. Returns as :meth:`acknowledge` does."""
        refused: dict[str, str] = {}
        extended: dict[int, list[int]] = {}
        failed: list[Outstanding] = []
        saved: Future[None] | None = None
        now = now_us()
        for ack_id, seconds in ack_ids.items():
            message_id, lease = self.parse_ack_id(ack_id)
            message = self.outstanding.get(message_id)
            if message is None or not message.is_held(lease):
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
            saved = self._store.extend_deliveries(self._subscription_id, message_ids, until_us)
        if failed:
            saved = self._save(failed)  # follows all writes of _fail, so this future covers them
            self.wake.set()
        self._arm()
        return refused, saved

    def settle(self, delivery: Delivery, accepted: bool) -> None:
        """Acknowledge a pushed message, or retry it."""
        message = delivery.outstanding
        if not delivery.is_held:
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
        """Take back messages that could not be delivered; this does not count as an attempt."""
        back: list[Outstanding] = []
        for delivery in deliveries:
            if delivery.is_held:
                message = delivery.outstanding
                back.append(message)
                message.leave_consumer()
                message.until_us = 0
                self._deadlines.discard(message.message_id)
                self._queue_again(message)
        if back:
            self._save(back)
            self.wake.set()

    def forwarded(self, message: Outstanding) -> None:
        """Remove a message that is on disk in the dead-letter topic."""
        if message.state is State.FORWARDING:
            self._finish(message)
            self._finished([message.message_id])
            self.wake.set()

    def _remove(self, done: Sequence[Outstanding]) -> Future[None] | None:
        if not done:
            return None
        message_ids = [message.message_id for message in done]
        saved = self._store.remove_deliveries(self._subscription_id, message_ids)
        self._finished(message_ids)
        self.wake.set()
        return saved

    def _finish(self, message: Outstanding) -> None:
        if message.state is State.BLOCKED:
            self._keys.blocked -= 1
        message.state = State.DONE
        message.leave_consumer()
        if self.outstanding.get(message.message_id) is message:  # a replay may have replaced it
            del self.outstanding[message.message_id]
            self._deadlines.discard(message.message_id)
        if message.ordering_key:
            self._keys.leave(message)

    def _fail(self, message: Outstanding) -> None:
        """Handle a negative acknowledgement or missed deadline: retry, or forward to the dead-letter topic."""
        message.leave_consumer()
        message.failures += 1
        attempts = self.settings.max_attempts
        if attempts is not None and message.failures >= attempts and self._dead_letter(message):
            message.state = State.FORWARDING
            self._deadlines.discard(message.message_id)
            return
        delay_us = self.settings.backoff_us(message.failures)
        message.until_us = now_us() + delay_us
        if delay_us:
            self._deadlines.set(message.message_id, message.until_us)
        else:
            self._deadlines.discard(message.message_id)
        self._queue_again(message, delayed=delay_us > 0)

    def _queue_again(self, message: Outstanding, delayed: bool = False) -> None:
        """Make a message available again, in the order of its key if it has one."""
        if not message.ordering_key:
            message.state = State.BACKING_OFF if delayed else State.READY
            if not delayed:
                self._ready.append(message)
            return
        if delayed:
            self._keys.delay(message)
        else:
            self._keys.block(message)
        self._keys.leave(message)

    # Deadlines

    def _arm(self) -> None:
        """Set the timer for the next deadline."""
        next_us = self._deadlines.next_us()
        if next_us is None or (self._timer is not None and self._timer_us <= next_us):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_us = next_us
        delay_s = max(0.0, (next_us - now_us()) / 1e6)
        self._timer = asyncio.get_running_loop().call_later(delay_s, self.check_deadlines)

    def check_deadlines(self) -> None:
        """Act on every deadline that has passed; a timer calls this."""
        self._timer = None
        expired: list[Outstanding] = []
        for message_id in self._deadlines.pop_due(now_us()):
            message = self.outstanding[message_id]
            if message.state is State.LEASED:
                # No write: an expired lease on disk is restored as this failure after a restart.
                self._fail(message)
            elif message.state is State.BACKING_OFF and message.ordering_key:
                self._keys.end_delay(message)
            elif message.state is State.BACKING_OFF:
                message.state = State.READY
                self._ready.append(message)
            elif message.state is State.ACKNOWLEDGED:
                self._finish(message)
                expired.append(message)
        self._remove(expired)
        self.wake.set()
        self._arm()

    # Seeking

    def drop_before(self, message_id: int) -> Future[None] | None:
        """Drop everything published before this id, as if acknowledged. None: there was nothing."""
        dropped = [
            m for m in self.outstanding.values() if m.message_id < message_id and m.state is not State.FORWARDING
        ]
        if not dropped and self.cursor >= message_id - 1:
            return None
        for message in dropped:
            self._finish(message)
        self._backlog.skip_to(message_id - 1)
        return self._moved([message.message_id for message in dropped], drop_before_id=message_id)

    def replay_from(self, message_id: int) -> Future[None]:
        """Deliver every message from this id on again, acknowledged or not, and none from before."""
        dropped = [m for m in self.outstanding.values() if m.state is not State.FORWARDING]
        for message in dropped:
            self._finish(message)
        self._backlog.move_to(message_id - 1)
        return self._moved([m.message_id for m in dropped if m.message_id < message_id], drop_before_id=None)

    def _moved(self, finished: Sequence[int], drop_before_id: int | None) -> Future[None]:
        self._saved_cursor = self.cursor
        saved = self._store.reposition(self._subscription_id, drop_before_id, self.cursor)
        self._finished(finished)
        self.wake.set()
        return saved
