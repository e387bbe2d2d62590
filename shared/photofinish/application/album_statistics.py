"""Statistics of albums for callers that ask often."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from cachetools import TTLCache, cached

from photofinish.domain.album_statistics import AlbumStatistics, PhotosPerPerson
from photofinish.ports import EventLog, Statistics

COUNTED_AT_ONCE = 500
"""Results: what one reader or message waits for."""
_COUNTED_EVERY_S = 5.0
_HEAD_KEPT_S = 3.0
_PEOPLE_KEPT_S = 60.0
_KEPT_S = 300.0
_KEPT_ALBUMS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The statistics of an album, as far as they are counted."""

    counts: AlbumStatistics | None
    """None without results."""
    people: PhotosPerPerson | None
    """None without people."""
    is_complete: bool
    """Whether every result of the log is counted."""


class StatisticsReading:
    """Reads counts when something happened, at most every 3 s, and people once a minute; threads may share it."""

    def __init__(self, statistics: Statistics, events: EventLog) -> None:
        self._statistics = statistics
        self._head = cached(TTLCache[tuple[()], int](1, _HEAD_KEPT_S), lock=Lock())(events.head)
        self._people = cached(TTLCache[str, PhotosPerPerson | None](_KEPT_ALBUMS, _PEOPLE_KEPT_S), lock=Lock())(
            statistics.people
        )
        self._counts: TTLCache[tuple[str, int], tuple[AlbumStatistics | None, bool]] = TTLCache(_KEPT_ALBUMS, _KEPT_S)
        self._lock = Lock()

    def read(self, album: str) -> Reading:
        """Return the statistics, after counting what came."""
        counts, is_complete = self._counted(album)
        return Reading(counts=counts, people=self._people(album), is_complete=is_complete)

    def _counted(self, album: str) -> tuple[AlbumStatistics | None, bool]:
        key = album, self._head()
        with self._lock:
            known = self._counts.get(key)
        if known is not None:
            return known
        is_complete = self._statistics.count(album, limit=COUNTED_AT_ONCE)
        found = self._statistics.read(album), is_complete
        if is_complete:
            with self._lock:
                self._counts[key] = found
        return found


class StatisticsCounting:
    """Counts the results of albums as they come, at most every 5 s an album; threads may share it."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._count = cached(TTLCache[str, bool](_KEPT_ALBUMS, _COUNTED_EVERY_S), lock=Lock())(self._count_now)

    def count_soon(self, album: str) -> None:
        """Count what came, unless that was done just now: then a later call or a reader counts the rest."""
        self._count(album)

    def _count_now(self, album: str) -> bool:
        return self._statistics.count(album, limit=COUNTED_AT_ONCE)
