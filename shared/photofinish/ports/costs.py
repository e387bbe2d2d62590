"""What analysis tasks spend on albums, and what these may cost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from photofinish.domain.album_budget import Budget, Halted
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


class Budgets(Protocol):
    """What albums may cost."""

    def set_budget(self, album: str, usd: float | None) -> Budget | None:
        """Set the budget of an album, or remove it; return it. Twice equals once."""
        ...

    def budgets(self, albums: Collection[str]) -> Mapping[str, Budget]:
        """Return the budgets of those of `albums` that have one."""
        ...

    def tell_reached(self, album: str, budget: Budget, percents: Collection[int]) -> None:
        """Record in the event log that so much of the budget is spent, once for each revision and percentage."""
        ...


class HaltedAlbums(Protocol):
    """Albums that used up their budgets, for those who start tasks and for tasks."""

    def read(self) -> Halted:
        """Return them; before anything was written, no album is halted."""
        ...

    def update(self, change: Callable[[Halted], Halted]) -> Halted:
        """Replace what is halted by `change(halted)`, in one transaction, which may call it again; return the new."""
        ...
