"""Keep albums within what they may cost: warn, stop their analysis, resume it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from threading import Lock

from cachetools import TTLCache, cached

from photofinish.application.ingest import requeue
from photofinish.domain.album_budget import Budget
from photofinish.domain.photo import PhotoStatus
from photofinish.logs import fields
from photofinish.ports import Budgets, Documents, HaltedAlbums, ResultEvents, WorkQueue

log = logging.getLogger(__name__)
_KEPT_S = 5.0


class AlbumBudgets:
    """Compares what albums spent with their budgets; threads may share it."""

    def __init__(self, budgets: Budgets, halted: HaltedAlbums, spent_usd: Callable[[str], float]) -> None:
        self._budgets = budgets
        self._halted = halted
        self._spent_usd = spent_usd

    def check(self, albums: Collection[str]) -> None:
        """Tell what these albums reached of their budgets, and halt those that used theirs up."""
        for album, budget in self._budgets.budgets(albums).items():
            self._check(album, budget)

    def set_budget(self, album: str, usd: float | None) -> Budget | None:
        """Set or remove (None) the budget of an album: it is halted, or resumed, at once."""
        budget = self._budgets.set_budget(album, usd)
        if budget is None or not self._check(album, budget):
            self._halted.update(lambda halted: halted.with_resumed(album))
        return budget

    def _check(self, album: str, budget: Budget) -> bool:
        """Return whether the album used up its budget."""
        spent_usd = self._spent_usd(album)
        if reached := budget.reached_percent(spent_usd):
            self._budgets.tell_reached(album, budget, reached)
        if budget.is_used_up(spent_usd) and album not in self._halted.read().halted:
            self._halted.update(lambda halted: halted.with_halted(album))
            log.warning("halted: the album used up its budget", extra=fields(album=album, usd=budget.usd))
        return budget.is_used_up(spent_usd)


class HaltedReading:
    """Reads at most every 5 s which albums are halted; threads may share it."""

    def __init__(self, halted: HaltedAlbums) -> None:
        self._read = cached(TTLCache[tuple[()], frozenset[str]](1, _KEPT_S), lock=Lock())(lambda: halted.read().halted)

    def albums(self) -> frozenset[str]:
        return self._read()


def waiting_photos(documents: Documents, halted: Collection[str]) -> int:
    """Return how many photos wait for a task: those that are queued or processing, but not of halted albums."""
    waiting = documents.outstanding()
    for album in halted:
        if waiting:
            waiting -= documents.outstanding_of(album, limit=waiting)
    return waiting


def queue_resumed(halted: HaltedAlbums, *, documents: Documents, queue: WorkQueue, events: ResultEvents) -> int:
    """Queue what tasks put aside of albums that were resumed; return how many photos.

    A photo whose message was still in the queue has two then; the second finds it done. A crash in the middle is healed
    by the next call.
    """
    queued = 0
    for album in sorted(halted.read().resumed):
        for record in documents.list_photos(album, status=PhotoStatus.QUEUED):
            uploaded_at = record.fields["stages"]["uploaded_at"]
            queued += requeue(record.ref, uploaded_at=uploaded_at, documents=documents, queue=queue, events=events)
        halted.update(lambda known, album=album: known.with_queued(album))  # type: ignore[misc]
    return queued
