"""Whose photos a task spends its time on."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from photofinish.domain.album_cost import AlbumTime


class TimeByAlbum:
    """Divides the whole time of a task among albums, because the whole time is paid for; threads may share it.

    While photos are in the pipeline, each takes an equal part of the time that passes. Without any, the time is that of
    the albums whose photos were there last: the task waits for more of them. The time before the first photos, which
    loading the models takes, is theirs.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._at = now()
        self._before_s = 0.0
        """Passed before the first photos."""
        self._in_flight: Counter[str] = Counter()
        self._last: Counter[str] = Counter()
        self._seconds: dict[str, float] = defaultdict(float)
        self._photos: Counter[str] = Counter()

    def put(self, albums: Iterable[str]) -> None:
        """Photos of these albums, each named once for each photo, are in the pipeline from now on."""
        with self._lock:
            self._pass()
            self._in_flight.update(albums)
            self._last = Counter(self._in_flight)
            self._divide(self._before_s, self._in_flight)
            self._before_s = 0.0

    def done(self, album: str) -> None:
        """A photo left the pipeline."""
        with self._lock:
            self._pass()
            self._photos[album] += 1
            self._in_flight[album] -= 1
            self._in_flight += Counter()  # without those of which none is left

    def totals(self) -> Mapping[str, AlbumTime]:
        """Return what each album took until now."""
        with self._lock:
            self._pass()
            return {
                album: AlbumTime(seconds=seconds, photos=self._photos[album])
                for album, seconds in self._seconds.items()
            }

    def _pass(self) -> None:
        now = self._now()
        elapsed_s, self._at = now - self._at, now
        albums = self._in_flight or self._last
        if albums:
            self._divide(elapsed_s, albums)
        else:
            self._before_s += elapsed_s

    def _divide(self, seconds: float, albums: Counter[str]) -> None:
        total = albums.total()
        for album, photos in albums.items():
            self._seconds[album] += seconds * photos / total
