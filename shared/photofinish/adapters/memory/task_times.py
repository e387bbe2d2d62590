"""Seconds of tasks by album in memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from photofinish.domain.album_cost import AlbumTime, TaskTime
from photofinish.domain.prices import Processor


class MemoryTaskTimes:
    """:class:`photofinish.ports.TaskTimes`; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: dict[tuple[str, str, Processor], AlbumTime] = {}

    def report(self, run_id: str, processor: Processor, times: Mapping[str, AlbumTime]) -> None:
        with self._lock:
            for album, time in times.items():
                known = self._times.get((album, run_id, processor), AlbumTime(seconds=0.0, photos=0))
                if time.seconds > known.seconds or time.photos > known.photos:
                    self._times[album, run_id, processor] = time

    def of_album(self, album: str) -> Sequence[TaskTime]:
        with self._lock:
            found = [(processor, time) for (name, _, processor), time in self._times.items() if name == album]
        return [
            TaskTime(
                processor=processor,
                seconds=sum(time.seconds for kind, time in found if kind is processor),
                photos=sum(time.photos for kind, time in found if kind is processor),
            )
            for processor in sorted({processor for processor, _ in found})
        ]
