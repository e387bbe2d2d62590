"""Check an album: compare bucket, documents, database, sidecars, pictures and event log, photo by photo.

    checker = AlbumChecker(store=…, documents=…, contents=…, album_rules=…, policies=…, leases=…)
    findings = list(checker.check("spring-10k", stale_after=timedelta(hours=6)))

It only reads. What it finds is mended by :class:`photofinish.application.checking.repairing.Repairer`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta

from photofinish.application.checking.comparison import Compared, compare
from photofinish.application.checking.facts import PhotoFacts, Rules
from photofinish.application.checking.findings import Checked, Finding, Problem
from photofinish.application.checking.reading import FactsReading
from photofinish.ports import AlbumContents, AlbumPolicies, AlbumRules, Documents, PhotoStore, TaskLeases

# Notifications, events and clean-up of what changed so late may be under way.
SETTLED_AFTER = timedelta(minutes=1)


class AlbumChecker:
    """Compares all stores. Albums of any size take the memory of a page."""

    def __init__(
        self,
        *,
        store: PhotoStore,
        documents: Documents,
        contents: AlbumContents,
        album_rules: AlbumRules,
        policies: AlbumPolicies,
        leases: TaskLeases,
        max_lease: timedelta = timedelta(minutes=10),
        events_kept: timedelta = timedelta(days=36500),
        without_tasks: Callable[[], Collection[str]] = frozenset,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`max_lease`: no task takes its lease for longer; `events_kept`: for how long the log keeps events.

        Photos of albums in `without_tasks()`, which used up their budgets, wait for as long as they must.
        """
        self.reading = FactsReading(store, documents, contents)
        self._documents = documents
        self._contents = contents
        self._album_rules = album_rules
        self._policies = policies
        self._leases = leases
        self._max_lease = max_lease
        self._events_kept = events_kept
        self._without_tasks = without_tasks
        self._now = now

    def check(
        self,
        album: str,
        *,
        stale_after: timedelta,
        settled_after: timedelta = SETTLED_AFTER,
        on_progress: Callable[[Checked], None] = lambda _: None,
    ) -> Iterator[Finding]:
        """Yield what is wrong with the photos of `album`.

        Photos that are being analysed, or changed within `settled_after`, are counted and not compared. With both times
        0 every photo is compared, and one that has no result is stuck: for a system that has nothing left to do.
        """
        for finding, _ in self.examine(
            album, stale_after=stale_after, settled_after=settled_after, on_progress=on_progress
        ):
            yield finding

    def examine(
        self,
        album: str,
        *,
        stale_after: timedelta,
        settled_after: timedelta = SETTLED_AFTER,
        on_progress: Callable[[Checked], None] = lambda _: None,
    ) -> Iterator[tuple[Finding, PhotoFacts]]:
        """As :meth:`check`; each finding comes with what the stores say of its photo."""
        photos = unfinished = findings = 0
        for page in self.reading.album(album):
            rules = self.rules(album, stale_after=stale_after, settled_after=settled_after)
            compared = [(facts, compare(facts, rules)) for facts in page]
            for facts, result in self._confirmed(compared, rules):
                findings += len(result.findings)
                yield from ((finding, facts) for finding in result.findings)
            photos += len(page)
            unfinished += sum(result.is_unfinished for _, result in compared)
            on_progress(Checked(photos=photos, unfinished=unfinished, findings=findings))

    def check_work(
        self, album: str, *, is_idle: bool = False, backlog: Callable[[], int] | None = None
    ) -> list[Finding]:
        """Check what all albums share: leases of tasks, and the queue where `backlog` counts its messages.

        A killed task's lease expires by itself; one that is held for longer than any task takes it never would. With
        `is_idle` nothing should run: then every lease is one too many.
        """
        now = self._now()
        found: list[tuple[Problem, str | None, str]] = []
        for lease_id, expires_at in sorted(self._leases.held().items()):
            if expires_at - now > self._max_lease or (is_idle and expires_at > now):
                message = f"The lease {lease_id} is held until {expires_at:%Y-%m-%d %H:%M:%S} UTC."
                found.append((Problem.LEASE_LEAKED, lease_id, message))
        if backlog is not None and self._documents.outstanding() == 0 and (left := backlog()):
            message = f"Every photo has its result, but {left} messages are queued."
            found.append((Problem.QUEUE_NOT_EMPTY, None, message))
        return [
            Finding(problem=problem, album=album, photo_id=None, name=name, message=message)
            for problem, name, message in found
        ]

    def rules(self, album: str, *, stale_after: timedelta, settled_after: timedelta) -> Rules:
        """What the album's photos are compared by, now."""
        now = self._now()
        return Rules(
            now=now,
            stale_after=timedelta.max if album in self._without_tasks() else stale_after,
            settled_after=settled_after,
            bib_rules=self._album_rules.bib_rules(album),
            keep_originals=self._policies.policy(album).keep_originals,
            # Photos that were analysed before there was a log, or so long ago, have no events.
            events_since=max(self._contents.events_begin() or now, now - self._events_kept),
        )

    def _confirmed(
        self, compared: list[tuple[PhotoFacts, Compared]], rules: Rules
    ) -> list[tuple[PhotoFacts, Compared]]:
        """Look again at photos that seem wrong: of those that changed meanwhile, only what is still wrong counts."""
        suspects = {facts.photo_id: {one.problem for one in result.findings} for facts, result in compared}
        again = self.reading.photos([facts for facts, result in compared if result.findings])
        confirmed = []
        for facts in again:
            result = compare(facts, rules)
            still = tuple(one for one in result.findings if one.problem in suspects[facts.photo_id])
            confirmed.append((facts, Compared(still)))
        return confirmed
