"""The messages that a subscription has not taken from its topic yet, read ahead in a bounded window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from photofinish_emulators.pubsub.store import Message, Store

# Messages read ahead of the consumers; the rest of a backlog stays on disk.
WINDOW_MESSAGES = 1000
WINDOW_BYTES = 1024 * 1024


class Backlog:
    """The messages of a topic after a cursor that match a filter, in order of their ids."""

    def __init__(
        self, store: Store, topic_id: int, cursor: int, matches: Callable[[bytes], bool] | None = None
    ) -> None:
        self._store = store
        self._topic_id = topic_id
        self._matches = matches
        self._window: deque[Message] = deque()
        self._window_bytes = 0
        # The id of the last message that was read, and whether the disk may have more.
        self._tail = cursor
        self._behind = True

    @property
    def cursor(self) -> int:
        """The id of the last message that was taken or does not match."""
        return self._window[0].id - 1 if self._window else self._tail

    @property
    def has_more(self) -> bool:
        """Whether there may be messages beyond the one that :meth:`peek` returns now."""
        return self._behind

    def add_published(self, messages: Sequence[Message], keep: bool) -> None:
        """Add messages that are on disk now; ids must rise over all calls.

        With ``keep`` they stay in memory as far as there is room; otherwise they are read from disk when needed.
        """
        for message in messages:
            if message.id <= self._tail or self._behind:
                continue
            if self._matches is not None and not self._matches(message.body):
                self._tail = message.id
            elif keep and len(self._window) < WINDOW_MESSAGES and self._window_bytes < WINDOW_BYTES:
                self._append(message)
            else:
                self._behind = True

    def peek(self) -> Message | None:
        """The next message. None with :attr:`has_more` means: call again, the messages read so far do not match.

        Reads at most once and a bounded amount, so that a filter that matches nothing does not block the event loop.
        """
        if not self._window and self._behind:
            messages, at_end = self._store.messages_after(self._topic_id, self._tail, WINDOW_MESSAGES, WINDOW_BYTES)
            for message in messages:
                if self._matches is None or self._matches(message.body):
                    self._append(message)
                else:
                    self._tail = message.id
            self._behind = not at_end
        return self._window[0] if self._window else None

    def pop(self) -> Message:
        """Take the message that :meth:`peek` returned."""
        message = self._window.popleft()
        self._window_bytes -= len(message.body)
        return message

    def skip_to(self, cursor: int) -> None:
        """Skip everything up to this id; never moves back."""
        while self._window and self._window[0].id <= cursor:
            self.pop()
        self._tail = max(self._tail, cursor)

    def move_to(self, cursor: int) -> None:
        """Continue after this id, forwards or backwards."""
        self._window.clear()
        self._window_bytes = 0
        self._tail = cursor
        self._behind = True

    def close(self) -> None:
        """Drop everything."""
        self._window.clear()
        self._window_bytes = 0
        self._behind = False

    def _append(self, message: Message) -> None:
        self._window.append(message)
        self._window_bytes += len(message.body)
        self._tail = message.id
