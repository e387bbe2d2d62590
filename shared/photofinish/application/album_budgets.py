"""Keep albums within what they may cost: warn, stop their analysis, resume it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock

from cachetools import TTLCache, cached

from photofinish.application.ingest import requeue
from photofinish.domain.album_budget import Budget, Halted
from photofinish.domain.photo import PhotoStatus
from photofinish.logs import fields
from photofinish.ports import Budgets, Documents, HaltedAlbums, ResultEvents, WorkQueue

log = logging.getLogger(__name__)
_KEPT_S = 5.0
# How far the clocks of functions may be apart.
_CLOCKS_APART = timedelta(minutes=1)


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
            self._resume(album)
        return budget

    def _resume(self, album: str) -> None:
        now = datetime.now(UTC)
        self._halted.update(lambda halted: halted.with_resumed(album, now))

    def _check(self, album: str, budget: Budget) -> bool:
        """Return whether the album used up its budget."""
        spent_usd = self._spent_usd(album)
        if reached := budget.reached_percent(spent_usd):
            self._budgets.tell_reached(album, budget, reached)
        if budget.is_used_up(spent_usd) and album not in self._halted.read().halted:
            self._halted.update(lambda halted: halted.with_halted(album))
            log.warning("halted: the album used up its budget", extra=fields(album=album, usd=budget.usd))
            # The budget may have been raised since it was read, and the album resumed before this halted it.
            newest = self._budgets.budgets([album]).get(album)
            if newest is None or not newest.is_used_up(spent_usd):
                self._resume(album)
        return budget.is_used_up(spent_usd)


class HaltedReading:
    """Tells tasks which albums are halted; while none of theirs is, it reads every 5 s. Threads may share it."""

    def __init__(self, halted: HaltedAlbums) -> None:
        self._halted = halted
        self._recent = cached(TTLCache[tuple[()], frozenset[str]](1, _KEPT_S), lock=Lock())(self._now)

    def among(self, albums: Collection[str]) -> Collection[str]:
        """Return those of `albums` that are halted.

        These are halted now, not some seconds ago: once an album is resumed, no message that is published then may be
        acknowledged without a result. One that is halted just now may be missing.
        """
        return () if self._recent().isdisjoint(albums) else self._now().intersection(albums)

    def _now(self) -> frozenset[str]:
        return self._halted.read().halted


def waiting_photos(documents: Documents, without_tasks: Collection[str]) -> int:
    """Return how many photos wait for a task: those queued or processing, but of no album in `without_tasks`."""
    waiting = documents.outstanding()
    for album in without_tasks:
        if waiting:
            waiting -= documents.outstanding_of(album, limit=waiting)
    return waiting


def queue_resumed(
    halted: HaltedAlbums, *, documents: Documents, queue: WorkQueue, events: ResultEvents, only: str | None = None
) -> int:
    """Queue what tasks put aside of albums that were resumed; return how many photos. `only`: of this album.

    A photo that was put aside after an attempt that failed, or that ended with its task, counts as processing.
    A photo whose message was still in the queue has two then; the second finds it done. After a crash in the middle the
    next call goes on: photos that changed since the album was resumed were queued, or analysed, since then.
    """
    queued = 0
    resumed = halted.read().resumed
    for album in sorted(resumed if only is None else resumed.keys() & {only}):
        resumed_at = resumed[album]
        for status in (PhotoStatus.QUEUED, PhotoStatus.PROCESSING):
            for record in documents.list_photos(album, status=status):
                if record.fields["changed_at"] >= resumed_at + _CLOCKS_APART:
                    continue
                # A document that its task wrote first, before the upload was told, has no time of the upload.
                uploaded_at = record.fields.get("stages", {}).get("uploaded_at") or record.fields["changed_at"]
                queued += requeue(
                    record.ref,
                    seen_at=record.fields["changed_at"],
                    uploaded_at=uploaded_at,
                    documents=documents,
                    queue=queue,
                    events=events,
                )
        halted.update(partial(Halted.with_queued, album=album, resumed_at=resumed_at))
    return queued
