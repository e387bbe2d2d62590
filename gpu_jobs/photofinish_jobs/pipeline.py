"""The stages that photos pass between the queue and its acknowledgement, at work side by side.

    fetch ▸ decode ▸ analyse (detect ▸ embed ▸ read ▸ read torsos ▸ sharpness ▸ preview) ▸ commit

Each stage has its threads and a bounded queue before it, so fetching, decoding and committing go on while the models
run, and none runs ahead of the others. Decoded pixels are what is large: they have a budget of their own.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer, PhotoInWork
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.errors import PhotofinishError
from photofinish.logs import fields
from photofinish.ports import LeasedWork, PhotoStore
from photofinish_jobs.metrics import Metrics
from photofinish_jobs.rules import RecentRules

log = logging.getLogger(__name__)
# Fetching and committing wait for the network, not for a core.
FETCH_THREADS, COMMIT_THREADS = 4, 8
_FETCHED_AHEAD = 4  # whole files, each of up to MAX_PHOTO_BYTES
_FINISHED_AHEAD = 16

Result = AnalyzedPhoto | Exception


@dataclass(slots=True)
class Passing:
    """One photo on its way: the work that was pulled, and what the stages made of it so far."""

    work: LeasedWork
    began_at: float
    content: bytes = b""
    photo: PhotoInWork | None = None
    fetch_ms: float = 0.0
    result: Result | None = None


_Waiting = queue.Queue[Passing | None]


class Pipeline:
    """Threads that take photos from :meth:`put` to `commit(work, result, fetch_ms)`, called once for each photo.

    What goes wrong with a photo before `commit` is its result, and costs no other photo. What `commit` raises, or what
    is no Exception at all, ends the pipeline: nothing is committed any more, and the next call here raises it.
    """

    def __init__(
        self,
        store: PhotoStore,
        rules: RecentRules,
        analyzer: Analyzer,
        commit: Callable[[LeasedWork, Result, float], None],
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._rules = rules
        self._analyzer = analyzer
        self._commit = commit
        self._metrics = metrics
        self.slowest_s = 0.0
        """The longest that a photo took from `put` to the end of its commit, so about how long all in flight take."""
        self._in_flight = 0
        self._pixels = 0
        self._pixel_budget = analyzer.threads * analyzer.share.pixels
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._to_fetch: _Waiting = queue.Queue()  # the worker puts no more than it may hold
        self._to_decode: _Waiting = queue.Queue(_FETCHED_AHEAD)
        self._to_analyze: _Waiting = queue.Queue()  # bounded by pixels
        self._to_commit: _Waiting = queue.Queue(_FINISHED_AHEAD)
        self._stages = (
            ("fetch", self._to_fetch, FETCH_THREADS, self._fetch),
            ("decode", self._to_decode, analyzer.threads, self._decode),
            ("analyse", self._to_analyze, analyzer.threads, self._analyze),
            ("commit", self._to_commit, COMMIT_THREADS, self._commit_one),
        )
        self._threads: dict[str, list[threading.Thread]] = {}

    def __enter__(self) -> Self:
        for name, waiting, count, step in self._stages:
            self._metrics.watch(name, waiting.qsize)
            self._threads[name] = [
                threading.Thread(target=partial(self._run, waiting, step), name=f"{name}-{number}", daemon=True)
                for number in range(count)
            ]
            for thread in self._threads[name]:
                thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all photos that were put (after an error: for what is in hand), and end the threads."""
        try:
            if error is None:
                self.wait_until_at_most(0)
        finally:
            # Stage by stage: a thread that still puts something into the next queue finds somebody who takes it.
            for name, waiting, _, _ in self._stages:
                waiting.put(None)
                for thread in self._threads[name]:
                    thread.join()

    @property
    def in_flight(self) -> int:
        """How many photos are on their way."""
        return self._in_flight

    def put(self, works: Sequence[LeasedWork]) -> None:
        """Start these photos on their way."""
        with self._changed:
            self._raise_failure()
            self._in_flight += len(works)
        for work in works:
            self._to_fetch.put(Passing(work, time.monotonic()))

    def wait_until_at_most(self, photos: int) -> None:
        """Wait until no more than so many photos are on their way."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_flight <= photos or self._failure is not None)
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self, waiting: _Waiting, step: Callable[[Passing], None]) -> None:
        """One thread of one stage, until it takes None. After a failure it lets photos go, so that nobody waits."""
        while (passing := waiting.get()) is not None:
            if self._failure is not None:
                continue
            try:
                step(passing)
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                with self._changed:
                    self._failure = error
                    self._changed.notify_all()
        waiting.put(None)  # for the stage's other threads

    def _fetch(self, passing: Passing) -> None:
        began = time.perf_counter()
        try:
            passing.content = self._store.read(passing.work.item.photo, max_bytes=MAX_PHOTO_BYTES)
        except Exception as error:
            if not isinstance(error, PhotofinishError):
                log.exception("fetching failed", extra=fields(photo_id=passing.work.item.photo.photo_id))
            self._finish(passing, error)
            return
        passing.fetch_ms = (time.perf_counter() - began) * 1000
        self._metrics.add("fetch", passing.fetch_ms)
        self._to_decode.put(passing)

    def _decode(self, passing: Passing) -> None:
        try:
            rules = self._rules.of(passing.work.item.photo.album)
            passing.photo = self._analyzer.decode(passing.content, rules)
        except Exception as error:
            if not isinstance(error, PhotofinishError):
                log.exception("decoding failed", extra=fields(photo_id=passing.work.item.photo.photo_id))
            self._finish(passing, error)
            return
        passing.content = b""
        pixels = passing.photo.pixels
        with self._changed:
            # A photo larger than the budget passes alone.
            self._changed.wait_for(
                lambda: self._pixels == 0 or self._pixels + pixels <= self._pixel_budget or self._failure is not None
            )
            self._pixels += pixels
        self._to_analyze.put(passing)

    def _analyze(self, first: Passing) -> None:
        group = self._with_those_that_wait(first)
        began = time.perf_counter()
        outcomes = self._results(group)
        spent_ms = (time.perf_counter() - began) * 1000 / len(group)
        with self._changed:
            self._pixels -= sum(passing.photo.pixels for passing in group if passing.photo)
            self._changed.notify_all()
        for passing, result in outcomes:
            passing.photo = None  # its pixels are not needed any more
            if isinstance(result, AnalyzedPhoto):
                self._metrics.add_all({**result.analysis.timings_ms, "analyse": spent_ms})
            self._finish(passing, result)

    def _with_those_that_wait(self, first: Passing) -> list[Passing]:
        """A group for the models; nobody waits for it to fill."""
        group = [first]
        while not self._analyzer.share.is_used_up([passing.photo.pixels for passing in group if passing.photo]):
            try:
                passing = self._to_analyze.get_nowait()
            except queue.Empty:
                break
            if passing is None:
                self._to_analyze.put(None)  # meant to end a thread
                break
            group.append(passing)
        return group

    def _results(self, group: Sequence[Passing]) -> list[tuple[Passing, Result]]:
        try:
            found = self._analyzer.find([passing.photo for passing in group if passing.photo])
            return list(zip(group, found, strict=True))
        except Exception as error:
            if len(group) == 1:
                photo_id = group[0].work.item.photo.photo_id
                log.exception("analysis failed", extra=fields(photo_ids=[photo_id]))
                return [(group[0], error)]
        # One photo that no model can stand must not cost the others: each gets its own try.
        return [outcome for passing in group for outcome in self._results([passing])]

    def _finish(self, passing: Passing, result: Result) -> None:
        passing.result = result
        self._to_commit.put(passing)

    def _commit_one(self, passing: Passing) -> None:
        assert passing.result is not None
        began = time.perf_counter()
        self._commit(passing.work, passing.result, passing.fetch_ms)
        self._metrics.add("commit", (time.perf_counter() - began) * 1000)
        with self._changed:
            self.slowest_s = max(self.slowest_s, time.monotonic() - passing.began_at)
            self._in_flight -= 1
            self._changed.notify_all()
