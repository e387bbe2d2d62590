"""The next deadline of each outstanding message."""

from __future__ import annotations

import heapq

RESOLUTION_US = 20_000


class Deadlines:
    """Message ids by time, in buckets of :data:`RESOLUTION_US`; an id has one deadline, and a new one replaces it.

    A deadline is never reported early, and at most one bucket late. Changing or discarding one leaves only the number
    of its bucket behind, so memory depends on what is outstanding and not on how often deadlines were extended.
    """

    def __init__(self) -> None:
        self._bucket_of: dict[int, int] = {}
        self._buckets: dict[int, set[int]] = {}
        self._order: list[int] = []

    def set(self, message_id: int, at_us: int) -> None:
        bucket = -(-at_us // RESOLUTION_US)
        if self._bucket_of.get(message_id) == bucket:
            return
        self.discard(message_id)
        self._bucket_of[message_id] = bucket
        members = self._buckets.get(bucket)
        if members is None:
            members = self._buckets[bucket] = set()
            heapq.heappush(self._order, bucket)
        members.add(message_id)

    def discard(self, message_id: int) -> None:
        bucket = self._bucket_of.pop(message_id, None)
        if bucket is not None:
            self._buckets[bucket].discard(message_id)

    def clear(self) -> None:
        self._bucket_of.clear()
        self._buckets.clear()
        self._order.clear()

    def next_us(self) -> int | None:
        """The earliest deadline, rounded up to the resolution."""
        while self._order:
            bucket = self._order[0]
            if self._buckets[bucket]:
                return bucket * RESOLUTION_US
            heapq.heappop(self._order)
            del self._buckets[bucket]
        return None

    def pop_due(self, now_us: int) -> list[int]:
        """Remove and return the ids whose deadline has passed, oldest deadline first, lower ids first."""
        due: list[int] = []
        while (at_us := self.next_us()) is not None and at_us <= now_us:
            bucket = heapq.heappop(self._order)
            members = sorted(self._buckets.pop(bucket))
            for message_id in members:
                del self._bucket_of[message_id]
            due.extend(members)
        return due
