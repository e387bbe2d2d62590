"""Budgets of albums in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from photofinish.domain.album_budget import Budget, Halted


class MemoryBudgets:
    """:class:`photofinish.ports.Budgets`; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usd: dict[str, float | None] = {}
        self._revisions: dict[str, int] = {}
        self.told: list[tuple[str, int, int]] = []
        """Album, revision and percentage of each event."""

    def set_budget(self, album: str, usd: float | None) -> Budget | None:
        with self._lock:
            if self._usd.get(album) != usd:
                self._usd[album] = usd
                self._revisions[album] = self._revisions.get(album, 0) + 1
        return self.budgets([album]).get(album)

    def budgets(self, albums: Collection[str]) -> Mapping[str, Budget]:
        with self._lock:
            found = {album: usd for album in albums if (usd := self._usd.get(album)) is not None}
            return {album: Budget(usd=usd, revision=self._revisions[album]) for album, usd in found.items()}

    def tell_reached(self, album: str, budget: Budget, percents: Collection[int]) -> None:
        with self._lock:
            for percent in percents:
                if (album, budget.revision, percent) not in self.told:
                    self.told.append((album, budget.revision, percent))


class MemoryHaltedAlbums:
    """:class:`photofinish.ports.HaltedAlbums`; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._halted = Halted()

    def read(self) -> Halted:
        return self._halted

    def update(self, change: Callable[[Halted], Halted]) -> Halted:
        with self._lock:
            self._halted = change(self._halted)
            return self._halted
