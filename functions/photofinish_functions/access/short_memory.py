"""What was looked up a moment ago, so that not every request asks the database the same."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ShortMemory(Generic[K, V]):
    """Values for at most `keep_s` after they were loaded, `max_entries` at most; safe to share between threads."""

    def __init__(
        self, *, keep_s: float, max_entries: int = 4096, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep_s = keep_s
        self._max_entries = max_entries
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K, load: Callable[[K], V]) -> V:
        """The value of `key`, by `load` where none is remembered; two threads may load the same at once."""
        asked_at = self._monotonic()
        with self._lock:
            entry = self._entries.get(key)
        if entry is not None and asked_at < entry[0]:
            return entry[1]
        value = load(key)
        self.put(key, value, asked_at + self._keep_s)
        return value

    def put(self, key: K, value: V, until: float) -> None:
        """Remember `value` until this moment of the monotonic clock."""
        with self._lock:
            self._entries[key] = (until, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
