"""The stages that photos pass between pull and acknowledgement, running side by side.

    fetch ▸ decode ▸ analyse (detect ▸ embed ▸ read ▸ read torsos ▸ sharpness ▸ preview ▸ thumbnail) ▸ commit
          ▸ watch (a video: its frames are fetched, decoded and analysed) ▸ commit

Each stage has its own threads and a bounded queue before it, so photos are fetched, decoded and committed while the
models run, and no stage runs far ahead of the others. Decoded pixels take the most memory and have their own budget.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.photo_to_analyze import PhotoToAnalyze
from photofinish.clocks import Clock, SystemClock
from photofinish.errors import PhotofinishError
from photofinish.logs import fields
from photofinish.ports import Documents, LeasedWork, PhotoStore, VideoParts
from photofinish_jobs.metrics import Metrics
from photofinish_jobs.rules import RecentRules
from photofinish_jobs.videos import AnalyzesVideos, BucketFiles, LongVideos, PutOff

log = logging.getLogger(__name__)
# Fetching and committing wait for the network, not for a core.
FETCH_THREADS, COMMIT_THREADS = 4, 8
_FETCHED_AHEAD = 4  # whole files, each of up to MAX_PHOTO_BYTES
_FINISHED_AHEAD = 16

Result = AnalyzedPhoto | Exception
Commit = Callable[[LeasedWork, Result, float], None]
"""`commit(work, result, fetch_ms)`."""


@dataclass(slots=True)
class PhotoInFlight:
    """A pulled photo, and what the stages made of it so far."""

    work: LeasedWork
    put_at: float
    content: bytes = b""
    decoded: PhotoToAnalyze | None = None
    fetch_ms: float = 0.0
    result: Result | None = None


_Queue = queue.Queue[PhotoInFlight | None]


class Pipeline:
    """Threads that take photos from :meth:`put` to `commit`, which is called once for each photo.

    An error before `commit` is the photo's result and costs no other photo. An error in `commit`, or one that is no
    Exception, ends the pipeline: nothing more is committed, and the next call here raises it.
    """

    def __init__(
        self,
        store: PhotoStore,
        rules: RecentRules,
        analyzer: Analyzer,
        videos: Callable[[], AnalyzesVideos],
        commit: Commit,
        *,
        parts: VideoParts,
        documents: Documents,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[LeasedWork], object] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        """`videos()` is called for each video; `on_progress` is, too, every second of it or so: it is not hanging.

        No part of a video is begun when `should_stop()`.
        """
        self._clock: Clock = clock or SystemClock()
        self._files = BucketFiles(store)
        self._rules = rules
        self._analyzer = analyzer
        self._videos = videos
        self._long_videos = LongVideos(self._files, parts, documents, should_stop)
        self._commit = commit
        self._on_progress = on_progress
        self.metrics = Metrics()
        self.slowest_s = 0.0
        """The longest time from `put` to the end of a photo's commit: about how long all in flight take."""
        self._in_flight = 0
        self._pixels = 0
        self._pixel_budget = analyzer.threads * analyzer.batch_limit.pixels
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._to_fetch: _Queue = queue.Queue()  # bounded by the worker, which puts no more than it may hold
        self._to_decode: _Queue = queue.Queue(_FETCHED_AHEAD)
        self._to_analyze: _Queue = queue.Queue()  # bounded by pixels
        self._to_watch: _Queue = queue.Queue()  # of names only
        self._to_commit: _Queue = queue.Queue(_FINISHED_AHEAD)
        self._stages = (
            ("fetch", self._to_fetch, FETCH_THREADS, self._fetch),
            ("decode", self._to_decode, analyzer.threads, self._decode),
            ("analyse", self._to_analyze, analyzer.threads, self._analyze),
            ("watch", self._to_watch, 1, self._watch),  # its analyzer has threads of its own, and memory is for one
            ("commit", self._to_commit, COMMIT_THREADS, self._commit_one),
        )
        self._threads: dict[str, list[threading.Thread]] = {}

    def __enter__(self) -> Self:
        for name, waiting, count, step in self._stages:
            self.metrics.watch(name, partial(_photos_in, waiting))
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
        """Wait for all photos that were put (after an error: only for the current steps), and end the threads."""
        try:
            if error is None:
                self.wait_until_at_most(0)
        finally:
            # Stage by stage, so that a thread which still puts something into the next queue does not block.
            for name, waiting, _, _ in self._stages:
                waiting.put(None)
                for thread in self._threads[name]:
                    thread.join()

    @property
    def in_flight(self) -> int:
        """How many photos were put and are not committed yet."""
        return self._in_flight

    def put(self, works: Sequence[LeasedWork]) -> None:
        """Send photos into the first stage."""
        with self._changed:
            self._raise_failure()
            self._in_flight += len(works)
        for work in works:
            self._to_fetch.put(PhotoInFlight(work, self._clock.now()))

    def wait_until_at_most(self, photos: int) -> None:
        """Wait until no more than `photos` photos are in flight."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_flight <= photos or self._failure is not None)
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self, waiting: _Queue, step: Callable[[PhotoInFlight], None]) -> None:
        """Run one thread of a stage until it gets None. After a failure it discards photos, so that nothing blocks."""
        while (photo := waiting.get()) is not None:
            if self._failure is not None:
                continue
            try:
                step(photo)
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                with self._changed:
                    self._failure = error
                    self._changed.notify_all()
        waiting.put(None)  # for the stage's other threads

    def _fetch(self, photo: PhotoInFlight) -> None:
        with self._error_as_result(photo, "fetching"):
            began = time.perf_counter()
            content = self._files.photo(photo.work.item.photo)
            photo.fetch_ms = (time.perf_counter() - began) * 1000
            self.metrics.add("fetch", photo.fetch_ms)
            if content is None:
                self._to_watch.put(photo)
            else:
                photo.content = content
                self._to_decode.put(photo)

    def _decode(self, photo: PhotoInFlight) -> None:
        with self._error_as_result(photo, "decoding"):
            rules = self._rules.of(photo.work.item.photo.album)
            photo.decoded = self._analyzer.decode(photo.content, rules)
            photo.content = b""
            pixels = photo.decoded.pixels
            with self._changed:
                # A photo larger than the whole budget passes alone.
                self._changed.wait_for(
                    lambda: (
                        self._pixels == 0 or self._pixels + pixels <= self._pixel_budget or self._failure is not None
                    )
                )
                self._pixels += pixels
            self._to_analyze.put(photo)

    def _watch(self, photo: PhotoInFlight) -> None:
        with self._error_as_result(photo, "analysing a video"):
            began = time.perf_counter()
            ref = photo.work.item.photo
            analyzed = self._long_videos.analyze(
                self._videos(), ref, self._rules.of(ref.album), on_progress=lambda _: self._on_progress(photo.work)
            )
            self.metrics.add("watch", (time.perf_counter() - began) * 1000)
            self._finish(photo, analyzed)

    def _analyze(self, first: PhotoInFlight) -> None:
        batch = self._take_batch(first)
        began = time.perf_counter()
        results = self._results(batch)
        spent_ms = (time.perf_counter() - began) * 1000 / len(batch)
        with self._changed:
            self._pixels -= sum(_pixels(batch))
            self._changed.notify_all()
        for photo, result in results:
            photo.decoded = None  # its pixels are not needed any more
            if isinstance(result, AnalyzedPhoto):
                self.metrics.add_all({**result.analysis.timings_ms, "analyse": spent_ms})
            self._finish(photo, result)

    def _take_batch(self, first: PhotoInFlight) -> list[PhotoInFlight]:
        """Take the photos that wait already, up to a batch for the models; it never waits for more."""
        batch = [first]
        while not self._analyzer.batch_limit.is_reached(_pixels(batch)):
            try:
                photo = self._to_analyze.get_nowait()
            except queue.Empty:
                break
            if photo is None:
                self._to_analyze.put(None)  # meant to end a thread
                break
            batch.append(photo)
        return batch

    def _results(self, batch: Sequence[PhotoInFlight]) -> list[tuple[PhotoInFlight, Result]]:
        try:
            analyzed = self._analyzer.analyze_decoded([photo.decoded for photo in batch if photo.decoded])
            return list(zip(batch, analyzed, strict=True))
        except Exception as error:
            if len(batch) == 1:
                log.exception("analysis failed", extra=fields(photo_ids=[batch[0].work.item.photo.photo_id]))
                return [(batch[0], error)]
        # A photo that breaks a model must not cost the others: each is tried alone.
        return [result for photo in batch for result in self._results([photo])]

    @contextmanager
    def _error_as_result(self, photo: PhotoInFlight, doing: str) -> Iterator[None]:
        """Make any error the photo's result, so that the other photos go on."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, PhotofinishError | PutOff):
                log.exception("%s failed", doing, extra=fields(photo_id=photo.work.item.photo.photo_id))
            self._finish(photo, error)

    def _finish(self, photo: PhotoInFlight, result: Result) -> None:
        photo.result = result
        self._to_commit.put(photo)

    def _commit_one(self, photo: PhotoInFlight) -> None:
        assert photo.result is not None
        began = time.perf_counter()
        self._commit(photo.work, photo.result, photo.fetch_ms)
        self.metrics.add("commit", (time.perf_counter() - began) * 1000)
        with self._changed:
            self.slowest_s = max(self.slowest_s, self._clock.now() - photo.put_at)
            self._in_flight -= 1
            self._changed.notify_all()


def _pixels(batch: Sequence[PhotoInFlight]) -> list[int]:
    return [photo.decoded.pixels for photo in batch if photo.decoded]


def _photos_in(waiting: _Queue) -> int:
    """How many photos wait; the mark at the end of a queue is none."""
    with waiting.mutex:
        return sum(photo is not None for photo in waiting.queue)
