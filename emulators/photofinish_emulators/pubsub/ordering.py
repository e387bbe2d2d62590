"""Ordering keys of one subscription: which messages of a key are out, with which consumer, and which wait.

The rules of the real service (https://docs.cloud.google.com/pubsub/docs/ordering):

- Messages of a key are delivered in order, several at a time, to one consumer: a stream gets further ones while earlier
  ones are out, a pull gets one batch, and a push endpoint one message.
- When a message is to be redelivered, all messages of its key that were delivered after it are redelivered too, in
  order, even those that were acknowledged.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from photofinish_emulators.pubsub.outstanding import Consumer, Outstanding, State


@dataclass(slots=True, eq=False)
class _Key:
    """``out`` and ``waiting`` are in the order of ids, and every id in ``out`` is below every one in ``waiting``."""

    consumer: Consumer | None = None  # has what is out; None: unknown, because the server restarted since
    # LEASED, or ACKNOWLEDGED_EARLY behind a message that is LEASED.
    out: OrderedDict[int, Outstanding] = field(default_factory=OrderedDict)
    waiting: deque[Outstanding] = field(default_factory=deque)  # may contain messages that are DONE
    listed: bool = False  # in `OrderingKeys._ready`
    listed_for: Consumer | None = None

    def head(self) -> Outstanding | None:
        """The next message to be delivered, even if it is still backing off."""
        while self.waiting and self.waiting[0].state not in (State.BLOCKED, State.BACKING_OFF):
            self.waiting.popleft()
        return self.waiting[0] if self.waiting else None

    def admits(self, consumer: Consumer) -> bool:
        """Whether this consumer may get another message of the key now."""
        if not self.out:
            return True
        return self.consumer is consumer and len(self.out) < consumer.max_per_key


class OrderingKeys:
    """Holds the messages with an ordering key; their states are changed here, except as described at each method."""

    def __init__(self) -> None:
        self.blocked = 0  # messages in state BLOCKED
        self._keys: dict[str, _Key] = {}
        # Keys of which a message may be delivered, in the order of their turns, by the consumer that may get it (None:
        # any). So looking for something to deliver does not pass the keys of other consumers.
        self._ready: dict[Consumer | None, dict[str, None]] = {}

    def restore(self, message: Outstanding) -> bool:
        """Add a message read from disk, in the order of ids; False if it is acknowledged and needs nothing more."""
        key = self._of(message)
        if message.state is State.BACKING_OFF or key.head() is not None:
            message.state = State.BACKING_OFF  # until its deadline, which may have passed
            key.waiting.append(message)
        elif message.state is State.ACKNOWLEDGED_EARLY and not key.out:
            self._update(message.ordering_key, key)
            return False
        else:
            key.out[message.message_id] = message
        return True

    # Delivering

    def admits(self, name: str, consumer: Consumer) -> bool:
        """Whether the consumer may get a new message of this key now: none waits, and the key is not busy."""
        key = self._keys.get(name)
        return key is None or (key.head() is None and key.admits(consumer))

    def hand_out(self, message: Outstanding, consumer: Consumer) -> None:
        """Note that the consumer gets a message; the caller sets its state to LEASED."""
        key = self._of(message)
        key.consumer = consumer
        key.out[message.message_id] = message

    def block(self, message: Outstanding) -> None:
        """Queue a new message behind those of its key."""
        message.state = State.BLOCKED
        self.blocked += 1
        key = self._of(message)
        key.waiting.append(message)
        self._update(message.ordering_key, key)

    def end_delay(self, message: Outstanding) -> None:
        """A message in state BACKING_OFF may be delivered from now on."""
        message.state = State.BLOCKED
        self.blocked += 1
        self._update(message.ordering_key, self._of(message))

    def take(self, consumer: Consumer, room: Callable[[int], bool]) -> Iterator[Outstanding]:
        """Hand out waiting messages that this consumer may get, as long as there is ``room`` for their size.

        The caller sets the state of each to LEASED before it asks for the next.
        """
        for name in [*self._ready.get(None, ()), *self._ready.get(consumer, ())]:
            key = self._keys[name]
            while (head := key.head()) is not None and head.state is State.BLOCKED and key.admits(consumer):
                if not room(head.size):
                    self._update(name, key)
                    return
                key.waiting.popleft()
                self.blocked -= 1
                self.hand_out(head, consumer)
                yield head
            self._update(name, key)

    # What becomes of a message

    def is_first(self, message: Outstanding) -> bool:
        """Whether no earlier message of its key is out."""
        key = self._keys.get(message.ordering_key)
        return key is None or next(iter(key.out), message.message_id) == message.message_id

    def acknowledge(self, message: Outstanding) -> list[Outstanding]:
        """Return what is finished with this acknowledgement: nothing, as long as an earlier message is out."""
        message.state = State.ACKNOWLEDGED_EARLY
        return self._pop_acknowledged(message.ordering_key)

    def remove(self, message: Outstanding, becomes: State = State.DONE) -> list[Outstanding]:
        """Take a message out of its key, wherever it is; return the acknowledged ones that are finished with it."""
        if message.state is State.BLOCKED:
            self.blocked -= 1
        message.state = becomes
        key = self._keys.get(message.ordering_key)
        if key is None:
            return []
        key.out.pop(message.message_id, None)
        return self._pop_acknowledged(message.ordering_key)

    def take_back(self, message: Outstanding, *, delayed: bool = False) -> list[Outstanding]:
        """Deliver a message again, and all that were delivered after it, which are returned.

        With ``delayed`` the message waits until :meth:`end_delay` is called for it, and the others behind it.
        """
        key = self._of(message)
        later: list[Outstanding] = []
        while (last := key.out.popitem()[1]) is not message:
            last.state = State.BLOCKED
            key.waiting.appendleft(last)
            later.append(last)
        message.state = State.BACKING_OFF if delayed else State.BLOCKED
        key.waiting.appendleft(message)
        self.blocked += len(later) + (not delayed)
        self._update(message.ordering_key, key)
        return later

    def _pop_acknowledged(self, name: str) -> list[Outstanding]:
        """Remove and return what is acknowledged and has nothing unacknowledged of its key before it."""
        key = self._keys[name]
        done: list[Outstanding] = []
        while key.out and (first := next(iter(key.out.values()))).state is State.ACKNOWLEDGED_EARLY:
            key.out.popitem(last=False)
            done.append(first)
        self._update(name, key)
        return done

    def _update(self, name: str, key: _Key) -> None:
        """List the key, last in turn, for the consumer that may get its next message, if there is one."""
        if key.listed:
            listed = self._ready[key.listed_for]
            del listed[name]
            if not listed:
                del self._ready[key.listed_for]
        head = key.head()
        if head is None and not key.out:
            del self._keys[name]
            return
        key.listed_for = key.consumer if key.out else None
        free = not key.out or (key.consumer is not None and key.admits(key.consumer))
        key.listed = free and head is not None and head.state is State.BLOCKED
        if key.listed:
            self._ready.setdefault(key.listed_for, {})[name] = None

    def _of(self, message: Outstanding) -> _Key:
        return self._keys.setdefault(message.ordering_key, _Key())
