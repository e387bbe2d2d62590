"""Statistics in memory."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime

from photofinish.domain.album_event import EventFilter, EventType
from photofinish.domain.album_statistics import (
    RESULTS,
    AlbumStatistics,
    Changes,
    Counts,
    Grouping,
    PhotosPerPerson,
    Result,
    newest_results,
    photos_per_person,
    result_of,
)
from photofinish.ports.event_log import EventLog
from photofinish.ports.statistics import MAX_GROUPS

_RESULTS = EventFilter(types=frozenset(RESULTS))


class MemoryStatistics:
    """:class:`photofinish.ports.Statistics` of a log; threads may share it."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._positions: dict[str, int] = {}
        self._counted: dict[str, dict[str, Result]] = defaultdict(dict)
        self.photos_of_people: dict[str, list[int]] = {}
        """Album → on how many photos each person is; tests set it."""

    def count(self, album: str, *, limit: int) -> bool:
        with self._lock:
            page = self._log.page(album, _RESULTS, after=self._positions.get(album, 0), limit=limit)
            results = [result_of(recorded.event) for recorded in page.events]
            self._counted[album] |= newest_results(results, self._counted[album])
            self._positions[album] = page.position
            return len(results) < limit

    def read(self, album: str) -> AlbumStatistics | None:
        with self._lock:
            counted = self._counted.get(album)
            if not counted:
                return None
            changes = Changes()
            for result in counted.values():
                changes.add(result)
        groups: dict[Grouping, dict[str, Counts]] = {kind: {} for kind in Grouping}
        for kind, key in changes.groups:
            groups[kind][key] = changes.applied((kind, key), Counts())
        total = groups.pop(Grouping.ALBUM).get("", Counts())
        hours = groups.pop(Grouping.HOUR)
        most = {kind: sorted(found.items(), key=lambda one: -one[1].photos) for kind, found in groups.items()}
        return AlbumStatistics(
            total=total,
            groups={Grouping.HOUR: dict(list(hours.items())[-MAX_GROUPS:])}
            | {kind: dict(found[:MAX_GROUPS]) for kind, found in most.items()},
        )

    def people(self, album: str) -> PhotosPerPerson | None:
        return photos_per_person(Counter(self.photos_of_people.get(album, [])))

    def failures(self, since: datetime) -> Mapping[str, int]:
        wanted = EventFilter(types=frozenset({EventType.PHOTO_FAILED}), occurred_from=since)
        page = self._log.page(None, wanted, after=0, limit=1_000_000)
        failed = {(one.event.photo_id, result_of(one.event).code or "unknown") for one in page.events}
        return Counter(code for _, code in failed)
