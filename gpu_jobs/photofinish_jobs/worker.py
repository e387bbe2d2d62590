"""One task: pull photos, send them through the pipeline, commit, acknowledge; end when there is nothing to do."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from photofinish.application.commit import Committer
from photofinish.domain.album_cost import AlbumTime
from photofinish.domain.work import must_stop, plan_attempts
from photofinish.errors import RejectedInput, Unavailable
from photofinish.logs import fields
from photofinish.ports import LeasedWork, WorkItem
from photofinish.settings import JobSettings
from photofinish_jobs.lease_keeper import LeaseKeeper
from photofinish_jobs.metrics import Reporter
from photofinish_jobs.pipeline import Commit, Pipeline, Result
from photofinish_jobs.time_by_album import TimeByAlbum
from photofinish_jobs.videos import PutOff

log = logging.getLogger(__name__)
_PULL_TIMEOUT_S = 5.0
_LAST_PULL_TIMEOUT_S = 1.0
# What a task that dies loses of the time that its albums took.
_REPORT_TIMES_EVERY_S = 10.0
# How long a task pulls one photo at a time after it saw one that may have ended a task.
_CAREFUL_S = 60.0
# Of a task's time: so much may a part of a video take.
_PART_SHARE = 0.2


@dataclass(slots=True)
class Tally:
    """How many photos a task has processed, by outcome."""

    done: int = 0
    rejected: int = 0
    given_back: int = 0
    """Attempts that failed; the queue delivers these photos again."""
    put_aside: int = 0
    """Photos of albums that used up their budgets; they are queued again when these are resumed."""
    failed: int = 0
    """Photos that were not tried again because they ended their tasks."""
    repeated: int = 0
    """Messages about photos that were final already."""


class Worker:
    """One task of the analysis job."""

    def __init__(
        self,
        keeper: LeaseKeeper,
        committer: Committer,
        load_pipeline: Callable[[Commit], Pipeline],
        settings: JobSettings,
        report_times: Callable[[Mapping[str, AlbumTime]], None] = lambda _: None,
        halted_among: Callable[[Collection[str]], Collection[str]] = lambda _: (),
        queue_rest: Callable[[WorkItem], object] = lambda _: None,
    ) -> None:
        """`load_pipeline` loads the models, which takes seconds: it is called when the task lease is held.

        `report_times` gets what each album took of the task's time since it began, every few seconds and at its end.
        Photos of the albums that `halted_among(albums)` returns are put aside. `queue_rest` gets videos that another
        task is to go on with.
        """
        self._keeper = keeper
        self._clock = keeper.clock
        self._committer = committer
        self._load_pipeline = load_pipeline
        self._settings = settings
        self._report = report_times
        self._halted_among = halted_among
        self._queue_rest = queue_rest
        self._started_at = self._clock.now()
        self._times = TimeByAlbum(self._clock.now)
        self.stopping = threading.Event()
        """Set it (for example in a signal handler) to end the task after the photos in flight."""
        self.tally = Tally()
        self._counting = threading.Lock()
        self._careful_until = -math.inf

    def run(self) -> Tally:
        """Work until the queue was empty for `idle_exit_s`, the task's time is nearly over, or `stopping` is set."""
        started_at = self._started_at = self._clock.now()
        keeper = self._keeper
        with self._reporting_times(), keeper:
            pipeline = self._load_pipeline(self._commit)
            with Reporter(pipeline.metrics, keeper.leases, keeper.lease_id, clock=self._clock), pipeline:
                while self._work_until_idle(pipeline, started_at):
                    # The lease is free from here on, so a message that arrives now gets a new task started; one that
                    # arrived just before, and found the lease taken, is seen by this last pull.
                    keeper.release_lease()
                    late = self._pull(timeout_s=_LAST_PULL_TIMEOUT_S) or self._drain()
                    if not late:
                        break
                    keeper.take_lease()
                    self._start(late, pipeline)
        return self.tally

    @contextmanager
    def _reporting_times(self) -> Iterator[None]:
        try:
            with self._clock.every(_REPORT_TIMES_EVERY_S, self._report_times, name="time-reporter"):
                yield
        finally:
            self._report_times()

    def _report_times(self) -> None:
        """Report the albums' times; a later report has all that a failed one had."""
        try:
            if times := self._times.totals():
                self._report(times)
        except Exception as error:
            unexpected = not isinstance(error, Unavailable)
            log.warning("could not report the time of albums, trying again: %s", error, exc_info=unexpected)

    def _work_until_idle(self, pipeline: Pipeline, started_at: float) -> bool:
        """Return True when queue and pipeline ran dry, False when the task must end although there may be work."""
        idle_since = self._clock.now()
        while True:
            # One batch in flight is enough to keep every stage busy while the next one is pulled.
            pipeline.wait_until_at_most(self._settings.batch_size)
            if self._must_stop(pipeline, started_at):
                return False
            batch = self._pull(timeout_s=min(_PULL_TIMEOUT_S, max(0.5, self._settings.idle_exit_s)))
            self._start(batch, pipeline)
            if batch or pipeline.in_flight:
                idle_since = self._clock.now()
            elif self._clock.now() - idle_since >= self._settings.idle_exit_s:
                return True

    def _must_stop(self, pipeline: Pipeline, started_at: float) -> bool:
        return self.stopping.is_set() or must_stop(
            running_s=self._clock.now() - started_at,
            task_timeout_s=self._settings.task_timeout_s,
            slowest_batch_s=pipeline.slowest_s,
        )

    def should_stop_videos(self) -> bool:
        """Whether no further part of a video is to be begun: it may take a fifth of the task's time."""
        running_s = self._clock.now() - self._started_at
        return self.stopping.is_set() or running_s >= (1 - _PART_SHARE) * self._settings.task_timeout_s

    def _pull(self, *, timeout_s: float) -> list[LeasedWork]:
        try:
            # One at a time while there are suspects: none of them is to share the end of another.
            is_careful = self._clock.now() < self._careful_until
            return self._keeper.pull(1 if is_careful else self._settings.batch_size, timeout_s=timeout_s)
        except Unavailable as error:
            log.warning("could not pull, trying again: %s", error)
            self._clock.wait(self.stopping, timeout_s)
            return []

    def _drain(self) -> list[LeasedWork]:
        try:
            return self._keeper.drain()
        except Unavailable as error:
            log.warning("could not see what came last; the ack deadline gives it back: %s", error)
            return []

    def _start(self, batch: Sequence[LeasedWork], pipeline: Pipeline) -> None:
        """Send pulled photos into the pipeline; suspects are tried alone, see :func:`plan_attempts`."""
        batch = self._without_halted(batch)
        counts = self._open_attempts(batch)
        plan = plan_attempts(counts)
        if plan.alone is not None or plan.later:
            self._careful_until = self._clock.now() + _CAREFUL_S
        self._return([batch[position] for position in plan.later])
        for position in plan.given_up:
            self._give_up(batch[position], counts[position])
        self._try([batch[position] for position in plan.together], pipeline)
        if plan.alone is not None:
            pipeline.wait_until_at_most(0)
            self._try([batch[plan.alone]], pipeline)
            pipeline.wait_until_at_most(0)

    def _without_halted(self, batch: Sequence[LeasedWork]) -> Sequence[LeasedWork]:
        """Acknowledge photos of halted albums, and leave them queued; return the others."""
        try:
            halted = self._halted_among({work.item.photo.album for work in batch}) if batch else ()
            aside = [work for work in batch if work.item.photo.album in halted]
            if aside:
                self._keeper.ack(aside)
                self.tally.put_aside += len(aside)
        except Exception as error:  # rather analysed than not
            unexpected = not isinstance(error, Unavailable)
            log.warning("could not put photos of halted albums aside: %s", error, exc_info=unexpected)
            return batch
        return [work for work in batch if work.item.photo.album not in halted]

    def _open_attempts(self, batch: Sequence[LeasedWork]) -> list[int]:
        """Return how many attempts of each photo ended with their task; an empty list if nothing can be known now."""
        try:
            return self._committer.open_attempts([work.item.photo for work in batch]) if batch else []
        except Exception as error:
            unexpected = not isinstance(error, Unavailable)
            log.warning("could not read what is recorded, giving back: %s", error, exc_info=unexpected)
            self._return(batch)
            return []

    def _return(self, works: Sequence[LeasedWork]) -> None:
        """Give messages back whose photos were not tried."""
        try:
            if works:
                self._keeper.give_back(works)
        except Unavailable as error:
            log.warning("could not give back; the ack deadline will: %s", error)

    def _give_up(self, work: LeasedWork, open_attempts: int) -> None:
        photo = work.item.photo
        with self._giving_back_on_failure([work]):
            self._committer.give_up(photo, open_attempts)
            self._keeper.ack([work])
            self.tally.failed += 1
            log.warning("failed", extra=fields(photo_id=photo.photo_id, album=photo.album, open_attempts=open_attempts))

    def _try(self, works: Sequence[LeasedWork], pipeline: Pipeline) -> None:
        """Begin with photos; if they cannot be marked together, each is marked alone, so that one costs no other."""
        begun: list[LeasedWork] = []
        try:
            begun = self._begin(works) if works else []
        except Exception as error:
            if len(works) > 1 and not isinstance(error, Unavailable):
                for work in works:
                    self._try([work], pipeline)
                return
            with self._giving_back_on_failure(works):
                raise
        if begun:
            pipeline.metrics.add_retries(sum(work.delivery_attempt > 1 for work in begun))
            self._times.put(work.item.photo.album for work in begun)
            pipeline.put(begun)

    def _begin(self, works: Sequence[LeasedWork]) -> list[LeasedWork]:
        """Mark the photos as processing; acknowledge and leave out those that are final already."""
        needed = self._committer.begin([work.item.photo for work in works], worker=self._keeper.lease_id)
        repeated = [work for work in works if work.item.photo not in needed]
        if repeated:
            self._keeper.ack(repeated)
            self.tally.repeated += len(repeated)
        return [work for work in works if work.item.photo in needed]

    def _commit(self, work: LeasedWork, result: Result, fetch_ms: float) -> None:
        photo = work.item.photo
        with self._timed(photo.album), self._giving_back_on_failure([work]):
            if isinstance(result, PutOff):
                self._queue_rest(work.item)
                self._keeper.ack([work])
                log.info("put off", extra=fields(photo_id=photo.photo_id, album=photo.album))
                return
            if isinstance(result, RejectedInput):
                self._committer.reject(photo, result)
            elif isinstance(result, Exception):
                raise result
            else:
                self._committer.commit(photo, result, fetch_ms=fetch_ms)
            self._keeper.ack([work])
            with self._counting:
                if isinstance(result, RejectedInput):
                    self.tally.rejected += 1
                else:
                    self.tally.done += 1
            outcome = {
                "photo_id": photo.photo_id,
                "album": photo.album,
                "trace_id": work.item.trace_id,
                "upload_to_result_s": round((datetime.now(UTC) - work.item.uploaded_at).total_seconds(), 3),
            }
            # These two words are counted by metrics, see terraform/modules/operations/metrics.tf.
            if isinstance(result, RejectedInput):
                log.info("rejected", extra=fields(**outcome, code=result.code))
            else:
                log.info("committed", extra=fields(**outcome))

    @contextmanager
    def _timed(self, album: str) -> Iterator[None]:
        try:
            yield
        finally:
            self._times.done(album)

    @contextmanager
    def _giving_back_on_failure(self, works: Sequence[LeasedWork]) -> Iterator[None]:
        """Return messages to the queue on any error: no photo may be lost, and none may end the task for the others."""
        try:
            yield
        except Exception as error:
            unexpected = not isinstance(error, Unavailable)
            photos = [work.item.photo for work in works]
            photo_ids = [photo.photo_id for photo in photos]
            log.warning("given back: %s", error, exc_info=unexpected, extra=fields(photo_ids=photo_ids))
            with self._counting:
                self.tally.given_back += len(works)
            try:
                self._committer.note_failure(photos, f"{type(error).__name__}: {error}")
                self._keeper.give_back(works)
            except Exception as also:
                self._keeper.forget(works)
                unexpected = not isinstance(also, Unavailable)
                log.warning("could not give back; the ack deadline will: %s", also, exc_info=unexpected)
