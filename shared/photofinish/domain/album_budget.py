"""What an album may cost: when to warn, and which albums are not analysed any more."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    """No task is started for these, and tasks put their photos aside."""
    resumed: frozenset[str] = frozenset()
    """Not halted any more; photos that were put aside are still to be queued."""

    def with_halted(self, album: str) -> Halted:
        return Halted(halted=self.halted | {album}, resumed=self.resumed - {album})

    def with_resumed(self, album: str) -> Halted:
        """Resume `album`; one that is not halted has nothing to resume."""
        if album not in self.halted:
            return self
        return Halted(halted=self.halted - {album}, resumed=self.resumed | {album})

    def with_queued(self, album: str) -> Halted:
        """The photos of `album` are queued again."""
        return replace(self, resumed=self.resumed - {album})
