"""What an album may cost: when to warn, and which albums are not analysed any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

WARN_AT_PERCENT = (50, 80, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What an album may cost, in USD, from its first photo on."""

    usd: float
    revision: int
    """One more with each change of the album's budget."""

    def reached_percent(self, spent_usd: float) -> list[int]:
        """Return which of WARN_AT_PERCENT are reached."""
        return [percent for percent in WARN_AT_PERCENT if spent_usd >= self.usd * percent / 100]

    def is_used_up(self, spent_usd: float) -> bool:
        return spent_usd >= self.usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """Albums that used up their budgets."""

    halted: frozenset[str] = frozenset()
    """Tasks put their photos aside."""
    resumed: Mapping[str, datetime] = field(default_factory=dict)
    """Not halted any more, since when; photos that were put aside before are still to be queued."""

    @property
    def without_tasks(self) -> frozenset[str]:
        """No task is started for these: their photos are put aside, or have no messages yet."""
        return self.halted | self.resumed.keys()

    def with_halted(self, album: str) -> Halted:
        return Halted(halted=self.halted | {album}, resumed=self._resumed_without(album))

    def with_resumed(self, album: str, at: datetime) -> Halted:
        """Resume `album`; one that is not halted has nothing to resume."""
        if album not in self.halted:
            return self
        return Halted(halted=self.halted - {album}, resumed={**self.resumed, album: at})

    def with_queued(self, album: str, resumed_at: datetime) -> Halted:
        """The photos of `album` are queued again that waited at `resumed_at`; it may have been resumed again since."""
        if self.resumed.get(album) != resumed_at:
            return self
        return replace(self, resumed=self._resumed_without(album))

    def _resumed_without(self, album: str) -> Mapping[str, datetime]:
        return {one: at for one, at in self.resumed.items() if one != album}
