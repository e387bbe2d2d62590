"""Albums that share the tasks, in virtual time: real ingest, worker, keeper and commit on queues in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from photofinish.adapters.memory.failing import before_call
from photofinish.domain.lanes import Lane
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.ports import WorkItem
from support.simulation import GOOD, SimulatedCloud

BATCH = 8


class SharedTasks(SimulatedCloud):
    """One task after another analyses what several albums have queued; notes when each photo was done.

    `one_queue`: without lanes, in order of arrival, as it was before there were any.
    """

    def __init__(self, *, one_queue: bool = False) -> None:
        super().__init__()
        self.done_at: dict[str, list[float]] = defaultdict(list)
        """Album → the times of its results."""
        self.order: list[str] = []
        """The album of each result."""
        self.lanes: dict[Lane, int] = dict.fromkeys(Lane, 0)
        """How many photos were queued in each lane."""
        self._awaited: set[str] = set()
        self._one_queue = one_queue
        publish = self.queue.publish

        def publish_in_lane(items: Sequence[WorkItem], *, lane: Lane = Lane.PROMPT) -> None:
            self.lanes[lane] += len(items)
            publish(items, lane=Lane.PROMPT if one_queue else lane)

        self.queue.publish = publish_in_lane  # type: ignore[method-assign]
        before_call(self.events.publish_result, self._note)

    def upload(self, albums: Iterable[str]) -> None:
        """Upload one photo for each name of an album, in this order."""
        for album in albums:
            self.drop_kind(f"{album}/{len(self.dropped)}.jpg", GOOD)

    def run_until_done(self, *albums: str) -> None:
        """Run one task until the photos that these albums have by now are done."""
        self._awaited = {ref.photo_id for ref, _ in self.dropped.values() if ref.album in albums}
        self.run_task(batch_size=BATCH)
        assert not self._awaited, f"{len(self._awaited)} photos were not done when the task ended"

    def _note(self, photo: PhotoRef, status: PhotoStatus) -> None:
        if status is PhotoStatus.QUEUED:
            return
        self.done_at[photo.album].append(self.clock.now())
        self.order.append(photo.album)
        if self._awaited:
            self._awaited.discard(photo.photo_id)
            if not self._awaited:
                self.tasks[-1].die()
