"""The outstanding messages of one subscription in memory: what a lease, an acknowledgement or a failure makes of them.

Nothing here writes to disk or reads a clock. Methods that change more than the given message return the others, whose
rows on disk the caller has to write or delete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from photofinish_emulators.pubsub.deadlines import Deadlines
from photofinish_emulators.pubsub.ordering import OrderingKeys
from photofinish_emulators.pubsub.outstanding import Consumer, Outstanding, State
from photofinish_emulators.pubsub.store import DeliveryRow

# Once this many messages wait for busy ordering keys, the subscription reads no further ahead.
MAX_BLOCKED = 10_000


class Lifecycle:
    """``outstanding`` by message id; ``deadlines`` are the ends of leases, delays and kept acknowledgements."""

    def __init__(self) -> None:
        self.outstanding: dict[int, Outstanding] = {}
        self.deadlines = Deadlines()
        self._ready: deque[Outstanding] = deque()  # without ordering key; may contain messages that are DONE
        self._keys = OrderingKeys()

    def restore(self, rows: Iterable[DeliveryRow], *, ordered: bool) -> list[Outstanding]:
        """Add the messages on disk, by id; return those that are acknowledged and need nothing more."""
        done: list[Outstanding] = []
        for row in rows:
            key = row.ordering_key if ordered else ""
            state = State.restored(row.state)
            message = Outstanding(row.message_id, key, row.size, row.lease, row.failures, state, row.until_us)
            if key and state is not State.ACKNOWLEDGED and not self._keys.restore(message):
                done.append(message)
                continue
            self.outstanding[message.message_id] = message
            if message.state is not State.ACKNOWLEDGED_EARLY:
                self.deadlines.set(message.message_id, message.until_us)
        return done

    def clear(self) -> None:
        for message in self.outstanding.values():
            message.state = State.DONE
        self.outstanding.clear()
        self.deadlines.clear()

    # Leases

    def take_waiting(self, consumer: Consumer, room: Callable[[int], bool]) -> Iterator[Outstanding]:
        """Messages that were outstanding before and may be delivered to the consumer now, within ``room``.

        The caller leases each before it asks for the next.
        """
        while self._ready and room(self._ready[0].size):
            message = self._ready.popleft()
            if message.state is State.READY:
                yield message
        yield from self._keys.take(consumer, room)

    @property
    def may_read_ahead(self) -> bool:
        return self._keys.blocked < MAX_BLOCKED

    def add(self, message: Outstanding, consumer: Consumer) -> bool:
        """Add a message that was not outstanding before; whether the consumer may get it now, and not later."""
        self.outstanding[message.message_id] = message
        if not message.ordering_key:
            return True
        if self._keys.admits(message.ordering_key, consumer):
            self._keys.hand_out(message, consumer)
            return True
        self._keys.block(message)
        return False

    def add_waiting(self, message: Outstanding) -> None:
        """Add a message that was not outstanding before, to be delivered as soon as its key allows."""
        self.outstanding[message.message_id] = message
        if message.ordering_key:
            self._keys.block(message)
        else:
            message.state = State.READY
            self._ready.append(message)

    def lease(self, message: Outstanding, consumer: Consumer, until_us: int) -> None:
        message.hand_to(consumer, until_us)
        self.deadlines.set(message.message_id, until_us)

    def extend(self, message: Outstanding, until_us: int) -> None:
        message.until_us = until_us
        self.deadlines.set(message.message_id, until_us)

    # Acknowledgements

    def counts(self, message: Outstanding, lease: int) -> bool:
        """Whether an acknowledgement under this lease counts, without exactly-once delivery: even a late one does.

        With an ordering key a late one does not, because the message and those after it are delivered again anyway; if
        it did, a later message could be done before an earlier one.
        """
        return message.is_held(lease) if message.ordering_key else message.state is not State.FORWARDING

    def acknowledge(self, message: Outstanding) -> list[Outstanding]:
        """Return what is finished: the message, unless it waits for earlier ones of its key, and others like it."""
        if not message.ordering_key:
            return self.finish(message)
        message.leave_consumer()
        self.deadlines.discard(message.message_id)
        done = self._keys.acknowledge(message)
        self._forget(done)
        return done

    def is_in_order(self, message: Outstanding) -> bool:
        """Whether no earlier message of its key is with a consumer."""
        return not message.ordering_key or self._keys.is_first(message)

    def keep_acknowledged(self, message: Outstanding) -> None:
        """Acknowledge under exactly-once delivery: until its deadline, the acknowledgement can be repeated."""
        message.leave_consumer()
        if message.ordering_key:
            self._keys.remove(message, State.ACKNOWLEDGED)
        message.state = State.ACKNOWLEDGED

    def finish(self, message: Outstanding) -> list[Outstanding]:
        """Remove a message; return it, and the acknowledged ones of its key that waited only for it."""
        message.leave_consumer()
        early = self._keys.remove(message) if message.ordering_key else []
        message.state = State.DONE
        done = [message, *early]
        self._forget(done)
        return done

    # Failures

    def release(self, message: Outstanding) -> list[Outstanding]:
        """Take back a message that could not be delivered; return all that are to be delivered again."""
        return self._deliver_again(message, 0, delayed=False)

    def fail(self, message: Outstanding, now_us: int, delay_us: int) -> list[Outstanding]:
        """Deliver a message again after a delay; return it, and the later ones of its key that come again too."""
        return self._deliver_again(message, now_us + delay_us, delayed=delay_us > 0)

    def forward(self, message: Outstanding) -> list[Outstanding]:
        """Give a message up to be dead-lettered, after which its key goes on; return what is finished with it."""
        message.leave_consumer()
        self.deadlines.discard(message.message_id)
        early = self._keys.remove(message, State.FORWARDING) if message.ordering_key else []
        message.state = State.FORWARDING
        self._forget(early)
        return early

    def end_delay(self, message: Outstanding) -> None:
        """A message that was backing off may be delivered from now on."""
        if message.ordering_key:
            self._keys.end_delay(message)
        else:
            message.state = State.READY
            self._ready.append(message)

    def _deliver_again(self, message: Outstanding, until_us: int, *, delayed: bool) -> list[Outstanding]:
        message.leave_consumer()
        message.until_us = until_us
        if delayed:
            self.deadlines.set(message.message_id, until_us)
        else:
            self.deadlines.discard(message.message_id)
        if message.ordering_key:
            later = self._keys.take_back(message, delayed=delayed)
            for each in later:
                each.leave_consumer()
                each.until_us = 0
                self.deadlines.discard(each.message_id)
            return [message, *later]
        message.state = State.BACKING_OFF if delayed else State.READY
        if not delayed:
            self._ready.append(message)
        return [message]

    def _forget(self, done: Iterable[Outstanding]) -> None:
        for message in done:
            message.state = State.DONE
            if self.outstanding.get(message.message_id) is message:  # a replay may have replaced it
                del self.outstanding[message.message_id]
                self.deadlines.discard(message.message_id)
