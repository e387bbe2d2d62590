"""The deliveries of one subscription: leases, acknowledgements, retries, and seeking.

Everything here runs on the event loop's thread. A decision is made in memory (`lifecycle`), its write is submitted at
once, and callers are answered after the write is on disk. Writes keep their order, so the disk always holds a state
that the memory was in shortly before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future

from photofinish_emulators.pubsub.ack_ids import INVALID_ACK_ID, UNORDERED_ACK_ID, make_ack_id, parse_ack_id
from photofinish_emulators.pubsub.backlog import Backlog
from photofinish_emulators.pubsub.lifecycle import Lifecycle
from photofinish_emulators.pubsub.outstanding import Consumer, Delivery, DeliverySettings, Outstanding, State
from photofinish_emulators.pubsub.store import Message, Store, now_us, written

# Bytes that a message adds to a response beside its body.
MESSAGE_OVERHEAD = 64


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
        self.wake = asyncio.Event()
        self.consumers = 0  # clients that take from this queue at the moment
        self._store = store
        self._subscription_id = subscription_id
        self._dead_letter = dead_letter
        self._finished = finished
        self._backlog = Backlog(store, topic_id, cursor, settings.matches)
        self._saved_cursor = cursor
        self._messages = Lifecycle()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_us = 0
        self._remove(self._messages.restore(store.deliveries(subscription_id), ordered=settings.ordered))
        self._arm()

    @property
    def outstanding(self) -> Mapping[int, Outstanding]:
        return self._messages.outstanding

    @property
    def cursor(self) -> int:
        """The id of the last message that was taken or that the filter excluded."""
        return self._backlog.cursor

    def close(self) -> None:
        """Drop everything and stop the timer; acknowledgements of messages still held have no effect."""
        if self._timer is not None:
            self._timer.cancel()
        self._messages.clear()
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
            self._messages.lease(message, consumer, until_us)
            picked.append(message)

        for message in self._messages.take_waiting(consumer, room):
            pick(message)
        again = [message.message_id for message in picked]
        while room(0) and self._messages.may_read_ahead:
            new = self._backlog.peek()
            if new is None and self._backlog.has_more:
                asyncio.get_running_loop().call_soon(self.wake.set)
            if new is None or not room(len(new.body)):
                break
            self._backlog.pop()
            message = Outstanding(new.id, new.ordering_key if self.settings.ordered else "", len(new.body))
            if not self._messages.add(message, consumer):
                blocked.append(message)
                continue
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
        return make_ack_id(self._subscription_id, delivery.outstanding.message_id, delivery.lease)

    def parse_ack_id(self, ack_id: str) -> tuple[int, int]:
        """Message id and lease; raises ValueError as :func:`ack_ids.parse_ack_id` does."""
        return parse_ack_id(ack_id, self._subscription_id)

    def acknowledge(self, ack_ids: Iterable[str]) -> tuple[dict[str, str], Future[None] | None]:
        """Acknowledge messages; return the rejected ids with reasons, and the future of the write (None: none needed).

        Without exactly-once delivery none is rejected, not even one that does not count.
        """
        # In the order of messages, so that those of a key are in order within one request.
        parsed = sorted((*self.parse_ack_id(ack_id), ack_id) for ack_id in ack_ids)
        if self.settings.exactly_once:
            return self._acknowledge_exactly_once(parsed)
        acknowledged: list[Outstanding] = []
        done: list[Outstanding] = []
        for message_id, lease, _ in parsed:
            message = self.outstanding.get(message_id)
            if message is not None and self._messages.counts(message, lease):
                acknowledged.append(message)
                done += self._messages.acknowledge(message)
        early = [message for message in acknowledged if message.state is State.ACKNOWLEDGED_EARLY]
        saved = self._save(early) if early else None
        removed = self._remove(done)
        return {}, removed or saved

    def _acknowledge_exactly_once(
        self, parsed: Iterable[tuple[int, int, str]]
    ) -> tuple[dict[str, str], Future[None] | None]:
        refused: dict[str, str] = {}
        done: list[Outstanding] = []
        for message_id, lease, ack_id in parsed:
            message = self.outstanding.get(message_id)
            if message is not None and message.is_held(lease):
                if not self._messages.is_in_order(message):
                    refused[ack_id] = UNORDERED_ACK_ID
                    continue
                self._messages.keep_acknowledged(message)
                done.append(message)
            elif message is None or message.state is not State.ACKNOWLEDGED or message.lease != lease:
                refused[ack_id] = INVALID_ACK_ID
        self.wake.set()
        return refused, self._save(done) if done else None

    def modify(self, ack_ids: Mapping[str, int]) -> tuple[dict[str, str], Future[None] | None]:
        """Set deadlines, in seconds from now; 0 is a negative acknowledgement. Returns as :meth:`acknowledge` does."""
        refused: dict[str, str] = {}
        extended: dict[int, list[int]] = {}
        failed: dict[int, Outstanding] = {}
        saved: Future[None] | None = None
        now = now_us()
        for ack_id, seconds in ack_ids.items():
            message_id, lease = self.parse_ack_id(ack_id)
            message = self.outstanding.get(message_id)
            if message is None or not message.is_held(lease):
                if self.settings.exactly_once:
                    refused[ack_id] = INVALID_ACK_ID
            elif seconds == 0:
                failed |= {each.message_id: each for each in self._fail(message)}
            else:
                self._messages.extend(message, now + seconds * 1_000_000)
                extended.setdefault(message.until_us, []).append(message_id)
        for until_us, message_ids in extended.items():
            saved = self._store.extend_deliveries(self._subscription_id, message_ids, until_us)
        if failed:
            saved = self._save(failed.values())  # follows all writes of _fail, so this future covers them
            self.wake.set()
        self._arm()
        return refused, saved

    def settle(self, delivery: Delivery, accepted: bool) -> None:
        """Acknowledge a pushed message, or retry it."""
        message = delivery.outstanding
        if not delivery.is_held:
            return
        if accepted:
            self._remove(self._messages.acknowledge(message))
        else:
            self._save(self._fail(message))
            self._arm()
            self.wake.set()

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """Take back messages that could not be delivered; this does not count as an attempt."""
        back: dict[int, Outstanding] = {}
        for delivery in deliveries:
            if delivery.is_held:
                back |= {each.message_id: each for each in self._messages.release(delivery.outstanding)}
        if back:
            self._save(back.values())
            self.wake.set()

    def forwarded(self, message: Outstanding) -> None:
        """Remove a message that is on disk in the dead-letter topic."""
        if message.state is State.FORWARDING:
            self._messages.finish(message)
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

    def _fail(self, message: Outstanding) -> list[Outstanding]:
        """Handle a negative acknowledgement or missed deadline: retry, or forward to the dead-letter topic.

        Return the messages whose rows have to be written: this one, and those of its key that are redelivered with it.
        """
        message.failures += 1
        attempts = self.settings.max_attempts
        if attempts is not None and message.failures >= attempts and self._dead_letter(message):
            self._remove(self._messages.forward(message))
            return []
        return self._messages.fail(message, now_us(), self.settings.backoff_us(message.failures))

    # Deadlines

    def _arm(self) -> None:
        """Set the timer for the next deadline."""
        next_us = self._messages.deadlines.next_us()
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
        taken_back: dict[int, Outstanding] = {}
        for message_id in self._messages.deadlines.pop_due(now_us()):
            message = self.outstanding[message_id]
            if message.state is State.LEASED:
                failed = self._fail(message)
                # Without an ordering key no write: an expired lease on disk is restored as this failure.
                if message.ordering_key:
                    taken_back |= {each.message_id: each for each in failed}
            elif message.state is State.BACKING_OFF:
                self._messages.end_delay(message)
            elif message.state is State.ACKNOWLEDGED:
                expired += self._messages.finish(message)
        if taken_back:
            self._save(taken_back.values())
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
        done = self._finish(dropped)
        self._backlog.skip_to(message_id - 1)
        later = [each for each in done if each.message_id >= message_id]
        self._remove(later)
        return self._moved([m.message_id for m in dropped], drop_before_id=message_id)

    def replay_from(self, message_id: int) -> Future[None]:
        """Deliver every message from this id on again, acknowledged or not, and none from before."""
        dropped = [m for m in self.outstanding.values() if m.state is not State.FORWARDING]
        self._finish(dropped)
        self._backlog.move_to(message_id - 1)
        return self._moved([m.message_id for m in dropped if m.message_id < message_id], drop_before_id=None)

    def unacknowledged(self) -> list[int]:
        """Ids of the outstanding messages that are not acknowledged."""
        acknowledged = (State.ACKNOWLEDGED, State.ACKNOWLEDGED_EARLY, State.FORWARDING)
        return [message_id for message_id, message in self.outstanding.items() if message.state not in acknowledged]

    def restore(self, cursor: int, message_ids: Sequence[int]) -> Future[None]:
        """Deliver these messages, and all after the cursor, and no others; ids of deleted messages are ignored."""
        dropped = [m for m in self.outstanding.values() if m.state is not State.FORWARDING]
        self._finish(dropped)
        self._backlog.move_to(cursor)
        self._saved_cursor = cursor
        matches = self.settings.matches
        restored = [
            message
            for message in self._store.messages(message_ids)
            if message.id not in self.outstanding and (matches is None or matches(message.body))
        ]
        for message in restored:
            key = message.ordering_key if self.settings.ordered else ""
            self._messages.add_waiting(Outstanding(message.id, key, len(message.body)))
        saved = self._store.restore(self._subscription_id, [message.id for message in restored], cursor)
        self._finished([m.message_id for m in dropped if m.message_id <= cursor])
        self.wake.set()
        return saved

    def _finish(self, messages: Iterable[Outstanding]) -> list[Outstanding]:
        return [
            done for message in messages if message.state is not State.DONE for done in self._messages.finish(message)
        ]

    def _moved(self, finished: Sequence[int], drop_before_id: int | None) -> Future[None]:
        self._saved_cursor = self.cursor
        saved = self._store.reposition(self._subscription_id, drop_before_id, self.cursor)
        self._finished(finished)
        self.wake.set()
        return saved
