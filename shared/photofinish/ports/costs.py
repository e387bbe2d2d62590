"""What analysis tasks spend on albums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from photofinish.domain.album_cost import AlbumTime, TaskTime
from photofinish.domain.prices import Processor


class TaskTimes(Protocol):
    """Seconds of tasks, by album."""

    def report(self, run_id: str, processor: Processor, times: Mapping[str, AlbumTime]) -> None:
        """Record what a run of a task spent on albums since it began; a report replaces earlier ones of this run.

        Reports may come twice or in another order: of each album the longest time counts.
        """
        ...

    def of_album(self, album: str) -> Sequence[TaskTime]:
        """Return what all tasks spent on the album, by the kind of machine; empty for an unknown album."""
        ...
