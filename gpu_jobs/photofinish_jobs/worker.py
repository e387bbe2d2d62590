"""The queue side of a task: pull, keep, commit, acknowledge; leave when there is nothing to do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.application.commit import commit_analysis, commit_rejection
from photofinish.domain.photo import FINAL_STATUSES
from photofinish.domain.work import ALONE_AFTER_ATTEMPTS, must_stop
from photofinish.errors import RejectedInput, Unavailable
from photofinish.logs import fields
from photofinish.ports import (
    AlbumRules,
    Documents,
    FaceIndex,
    LeasedWork,
    PhotoStore,
    ResultEvents,
    TaskLeases,
    WorkQueue,
)
from photofinish.settings import JobSettings
from photofinish_jobs.keeper import Keeper
from photofinish_jobs.metrics import Metrics, Reporter
from photofinish_jobs.pipeline import Pipeline
from photofinish_jobs.rules import RecentRules

log = logging.getLogger(__name__)
_PULL_TIMEOUT_S = 5.0
_LAST_PULL_TIMEOUT_S = 1.0


@dataclass(slots=True)
class Tally:
    """What a task did."""

    done: int = 0
    rejected: int = 0
    given_back: int = 0
    repeated: int = 0


class Worker:
    """One task of the analysis job."""

    def __init__(
        self,
        *,
        queue: WorkQueue,
        store: PhotoStore,
        index: FaceIndex,
        documents: Documents,
        events: ResultEvents,
        leases: TaskLeases,
        album_rules: AlbumRules,
        load_analyzer: Callable[[], Analyzer],
        place: str,
        settings: JobSettings,
    ) -> None:
        self._queue = queue
        self._store = store
        self._index = index
        self._documents = documents
        self._events = events
        self._leases = leases
        self._album_rules = album_rules
        self._load_analyzer = load_analyzer
        self._place = place
        self._settings = settings
        self.stopping = threading.Event()
        """Set it (from a signal handler, say) and the task ends after the photos in hand."""
        self.tally = Tally()
        self._counting = threading.Lock()

    def run(self) -> Tally:
        """Work until the queue was empty for `idle_exit_s`, the task's time nears its end, or `stopping` is set."""
        started_at = time.monotonic()
        settings, metrics = self._settings, Metrics()
        keeper = Keeper(
            self._queue,
            self._leases,
            self._place,
            ack_deadline_s=settings.ack_deadline_s,
            heartbeat_s=settings.heartbeat_s,
        )
        with keeper:
            analyzer = self._load_analyzer()

            def commit(work: LeasedWork, result: AnalyzedPhoto | Exception, fetch_ms: float) -> None:
                self._commit(work, result, fetch_ms, keeper)

            with (
                Reporter(metrics, self._leases, self._place),
                Pipeline(self._store, RecentRules(self._album_rules), analyzer, commit, metrics) as pipeline,
            ):
                while self._work_while_there_is_any(pipeline, keeper, started_at):
                    # The place is free from here on, so a message that arrives now makes somebody start a new task;
                    # one that arrived just before, and found the place taken, is seen by this last look.
                    keeper.give_up_place()
                    late = self._pull(keeper, timeout_s=_LAST_PULL_TIMEOUT_S)
                    if not late:
                        break
                    keeper.take_place()
                    self._start(late, pipeline, keeper)
        return self.tally

    def _work_while_there_is_any(self, pipeline: Pipeline, keeper: Keeper, started_at: float) -> bool:
        """Returns True when queue and pipeline ran dry, False when the task must end although there may be work."""
        idle_since = time.monotonic()
        while True:
            # One batch on its way is enough to keep every stage busy while the next one is pulled.
            pipeline.wait_until_at_most(self._settings.batch_size)
            if self._must_stop(pipeline, started_at):
                return False
            batch = self._pull(keeper, timeout_s=min(_PULL_TIMEOUT_S, max(0.5, self._settings.idle_exit_s)))
            self._start(batch, pipeline, keeper)
            if batch or pipeline.in_flight:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= self._settings.idle_exit_s:
                return True

    def _must_stop(self, pipeline: Pipeline, started_at: float) -> bool:
        return self.stopping.is_set() or must_stop(
            running_s=time.monotonic() - started_at,
            task_timeout_s=self._settings.task_timeout_s,
            slowest_batch_s=pipeline.slowest_s,
        )

    def _pull(self, keeper: Keeper, *, timeout_s: float) -> list[LeasedWork]:
        try:
            batch = self._queue.pull(self._settings.batch_size, timeout_s=timeout_s)
        except Unavailable as error:
            log.warning("could not pull, trying again: %s", error)
            self.stopping.wait(timeout_s)
            return []
        keeper.hold(work.ack_id for work in batch)
        return batch

    def _start(self, batch: Sequence[LeasedWork], pipeline: Pipeline, keeper: Keeper) -> None:
        for group in groups(batch):
            suspicious = group[0].delivery_attempt > ALONE_AFTER_ATTEMPTS
            if suspicious:
                pipeline.wait_until_at_most(0)
            with self._given_back_on_failure(group, keeper):
                wanted = self._still_needed(group, keeper)
                pipeline.put(wanted)
            if suspicious:
                pipeline.wait_until_at_most(0)

    def _still_needed(self, group: Sequence[LeasedWork], keeper: Keeper) -> list[LeasedWork]:
        needed = self._documents.record_processing([work.item.photo for work in group], worker=self._place)
        self._finish_repeated([work for work in group if work.item.photo not in needed], keeper)
        return [work for work in group if work.item.photo in needed]

    def _commit(self, work: LeasedWork, result: AnalyzedPhoto | Exception, fetch_ms: float, keeper: Keeper) -> None:
        photo = work.item.photo
        with self._given_back_on_failure([work], keeper):
            if isinstance(result, RejectedInput):
                commit_rejection(photo, result, index=self._index, documents=self._documents, events=self._events)
            elif isinstance(result, Exception):
                raise result
            else:
                commit_analysis(
                    photo,
                    result,
                    fetch_ms=fetch_ms,
                    store=self._store,
                    index=self._index,
                    documents=self._documents,
                    events=self._events,
                )
            self._ack([work], keeper)
            with self._counting:
                if isinstance(result, RejectedInput):
                    self.tally.rejected += 1
                else:
                    self.tally.done += 1
            upload_to_result_s = (datetime.now(UTC) - work.item.uploaded_at).total_seconds()
            log.info(
                "committed",
                extra=fields(
                    photo_id=photo.photo_id,
                    trace_id=work.item.trace_id,
                    upload_to_result_s=round(upload_to_result_s, 3),
                ),
            )

    def _finish_repeated(self, repeated: Sequence[LeasedWork], keeper: Keeper) -> None:
        """These were committed before: say so once more, in case the task died before it could, and acknowledge."""
        if not repeated:
            return
        known = self._documents.known([work.item.photo for work in repeated])
        for work in repeated:
            photo = work.item.photo
            record = known.get(photo)
            if record and record[0] == photo.generation and record[1] in FINAL_STATUSES:
                self._events.publish_result(photo, record[1])
        self._ack(repeated, keeper)
        self.tally.repeated += len(repeated)

    def _ack(self, works: Sequence[LeasedWork], keeper: Keeper) -> None:
        ack_ids = [work.ack_id for work in works]
        self._queue.ack(ack_ids)
        keeper.drop(ack_ids)

    @contextmanager
    def _given_back_on_failure(self, works: Sequence[LeasedWork], keeper: Keeper) -> Iterator[None]:
        """On failure the messages go back to the queue, which delivers them again with its back-off."""
        try:
            yield
        except Exception as error:
            expected = isinstance(error, Unavailable)
            photo_ids = [work.item.photo.photo_id for work in works]
            log.warning("given back: %s", error, exc_info=not expected, extra=fields(photo_ids=photo_ids))
            self._give_back(works, keeper, reason=f"{type(error).__name__}: {error}")

    def _give_back(self, works: Sequence[LeasedWork], keeper: Keeper, *, reason: str) -> None:
        ack_ids = [work.ack_id for work in works]
        keeper.drop(ack_ids)
        with self._counting:
            self.tally.given_back += len(works)
        try:
            self._documents.note_failure([work.item.photo for work in works], reason)
            self._queue.extend(ack_ids, deadline_s=0)
        except Unavailable as error:
            log.warning("could not give back, their ack deadline will: %s", error)


def groups(batch: Sequence[LeasedWork]) -> list[list[LeasedWork]]:
    """Fresh photos together; those delivered several times each alone, and last, the most often delivered at the end.

    What kills its task is among the latter, and so takes as few others with it as can be.
    """
    fresh = [work for work in batch if work.delivery_attempt <= ALONE_AFTER_ATTEMPTS]
    suspicious = [work for work in batch if work.delivery_attempt > ALONE_AFTER_ATTEMPTS]
    alone = [[work] for work in sorted(suspicious, key=lambda work: work.delivery_attempt)]
    return ([fresh] if fresh else []) + alone
