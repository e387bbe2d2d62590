"""What albums cost so far, and what the rest of the queue will."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from photofinish.application.album_statistics import StatisticsReading
from photofinish.domain.album_cost import AlbumContent, AlbumCost, album_cost, photo_months
from photofinish.domain.album_statistics import Grouping
from photofinish.domain.prices import Processor
from photofinish.ports import Documents, TaskTimes

_MOST_WAITING = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The cost of an album, and what it goes by."""

    cost: AlbumCost
    content: AlbumContent
    waiting: int
    """Photos that are queued or processing."""
    processor: Processor
    """That waiting photos will be analysed on."""
    is_complete: bool
    """False while results are still being counted."""


class AlbumCosts:
    """Reads the costs of albums; threads may share it."""

    def __init__(
        self,
        times: TaskTimes,
        statistics: StatisticsReading,
        documents: Documents,
        *,
        processor: Callable[[], Processor],
        prices: Mapping[str, Any],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._times = times
        self._statistics = statistics
        self._documents = documents
        self._processor = processor
        self._prices = prices
        self._now = now

    def read(self, album: str) -> Bill:
        """Return what the album cost until now; an unknown album cost nothing."""
        reading = self._statistics.read(album)
        content = AlbumContent(photos=0, faces=0, photo_months=0.0)
        if reading.counts is not None:
            total, hours = reading.counts.total, reading.counts.groups.get(Grouping.HOUR, {})
            by_hour = {datetime.fromisoformat(hour): counts.photos for hour, counts in hours.items()}
            content = AlbumContent(
                photos=total.photos,
                faces=total.faces,
                photo_months=photo_months(by_hour, photos=total.photos, now=self._now()),
            )
        waiting = self._documents.outstanding_of(album, limit=_MOST_WAITING)
        processor = self._processor()
        times = self._times.of_album(album)
        return Bill(
            cost=album_cost(times, content, waiting=waiting, processor=processor, prices=self._prices),
            content=content,
            waiting=waiting,
            processor=processor,
            is_complete=reading.is_complete,
        )
