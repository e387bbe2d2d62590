"""Ordering keys of one subscription: one message of a key is out at a time, and the others wait for it."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from photofinish_emulators.pubsub.outstanding import Outstanding, State


@dataclass(slots=True, eq=False)
class _Key:
    out: Outstanding | None = None  # with a consumer, or being forwarded to the dead-letter topic
    waiting: list[Outstanding] = field(default_factory=list)  # a heap; may contain messages that are DONE

    def head(self) -> Outstanding | None:
        """The next message to be delivered, even if it is still backing off."""
        while self.waiting and self.waiting[0].state not in (State.BLOCKED, State.BACKING_OFF):
            heapq.heappop(self.waiting)
        return self.waiting[0] if self.waiting else None


class OrderingKeys:
    """Delivers the messages of a key in order of their ids, each after the one before is acknowledged.

    The real service delivers several messages of a key at once, and after a failure redelivers those that follow.
    """

    def __init__(self) -> None:
        self.blocked = 0  # messages in state BLOCKED
        self._keys: dict[str, _Key] = {}
        self._ready: deque[str] = deque()  # keys of which a message may be delivered

    def restore(self, message: Outstanding) -> None:
        """Add a message read from disk."""
        if message.state is State.LEASED:
            self.hand_out(message)
        elif message.state is State.BACKING_OFF:
            self.delay(message)

    def is_free(self, name: str) -> bool:
        """Whether a new message of this key may be delivered: none is out, and none waits."""
        key = self._keys.get(name)
        return key is None or (key.out is None and key.head() is None)

    def hand_out(self, message: Outstanding) -> None:
        self._of(message).out = message

    def block(self, message: Outstanding) -> None:
        """Queue a message until its key is free."""
        message.state = State.BLOCKED
        self.blocked += 1
        heapq.heappush(self._of(message).waiting, message)

    def delay(self, message: Outstanding) -> None:
        """Queue a message that must not be delivered before :meth:`end_delay` is called for it."""
        message.state = State.BACKING_OFF
        heapq.heappush(self._of(message).waiting, message)

    def end_delay(self, message: Outstanding) -> None:
        message.state = State.BLOCKED
        self.blocked += 1
        self.leave(message)

    def take(self, room: Callable[[int], bool]) -> Iterator[Outstanding]:
        """Take queued messages whose key is free, as long as there is ``room`` for their size."""
        while self._ready and room(0):
            name = self._ready.popleft()
            key = self._keys.get(name)
            head = key.head() if key is not None and key.out is None else None
            if key is None or head is None or head.state is not State.BLOCKED:
                continue
            if not room(head.size):
                self._ready.appendleft(name)
                return
            heapq.heappop(key.waiting)
            self.blocked -= 1
            key.out = head
            yield head

    def leave(self, message: Outstanding) -> None:
        """Continue with the next message of the key; ``message`` is not out (any more)."""
        name = message.ordering_key
        key = self._keys.get(name)
        if key is None:
            return
        if key.out is message:
            key.out = None
        if key.out is not None:
            return
        head = key.head()
        if head is None:
            del self._keys[name]
        elif head.state is State.BLOCKED:
            self._ready.append(name)

    def _of(self, message: Outstanding) -> _Key:
        return self._keys.setdefault(message.ordering_key, _Key())
