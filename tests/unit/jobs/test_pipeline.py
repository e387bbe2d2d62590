"""Stages run side by side, hold a bounded amount, and commit every photo once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from photofinish.adapters.memory.album_rules import MemoryAlbumRules
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.failing import before_call
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.memory.video_parts import MemoryVideoParts
from photofinish.analysis.analyzer import CPU_BATCH_LIMIT, AnalyzedPhoto, BatchLimit
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import PhotoRef
from photofinish.ports import LeasedWork, WorkItem
from photofinish_jobs.pipeline import Commit, Pipeline, Result
from photofinish_jobs.rules import RecentRules
from support.pipeline import DecodedToy, ToyAnalyzer, ToyVideos, toy_photo, toy_video

WAIT_S = 20


def leased(store: MemoryPhotoStore, *contents: bytes) -> list[LeasedWork]:
    photos = [store.upload(f"race/{number}.jpg", content).ref for number, content in enumerate(contents)]
    return [
        LeasedWork(
            item=WorkItem(photo=photo, trace_id="t", uploaded_at=datetime.now(UTC)),
            ack_id=str(number),
            delivery_attempt=1,
            published_at=datetime.now(UTC),
        )
        for number, photo in enumerate(photos)
    ]


def toy_pipeline(store: MemoryPhotoStore, analyzer: ToyAnalyzer, commit: Commit) -> Pipeline:
    return Pipeline(
        store,
        RecentRules(MemoryAlbumRules()),
        analyzer,  # type: ignore[arg-type]
        ToyVideos,
        commit,
        parts=MemoryVideoParts(),
        documents=MemoryDocuments(),
    )


class Committed:
    """Collects the results."""

    def __init__(self) -> None:
        self.results: dict[PhotoRef, Result] = {}
        self.times: Counter[PhotoRef] = Counter()
        self.lock = threading.Lock()

    def __call__(self, work: LeasedWork, result: Result, fetch_ms: float) -> None:
        with self.lock:
            self.results[work.item.photo] = result
            self.times[work.item.photo] += 1


def test_every_photo_is_committed_once_with_its_own_result() -> None:
    store, committed = MemoryPhotoStore(), Committed()
    contents = [toy_photo(bibs=[str(number)]) for number in range(40)]
    contents[7], contents[20] = b"not a picture", b"poison"
    works = leased(store, *contents)
    with toy_pipeline(store, ToyAnalyzer(), committed) as pipeline:
        pipeline.put(works)
    assert set(committed.times.values()) == {1}
    for number, work in enumerate(works):
        result = committed.results[work.item.photo]
        if number in (7, 20):
            assert isinstance(result, Exception), f"photo {number} cannot have been analysed"
        else:
            assert isinstance(result, AnalyzedPhoto), f"photo {number}: {result}"
            assert [bib.number for bib in result.analysis.bibs] == [str(number)]
    assert pipeline.in_flight == 0
    photos = {figures.stage: figures.photos for figures in pipeline.metrics.report()}
    assert (photos["fetch"], photos["commit"]) == (40, 40)


def test_photos_are_fetched_and_committed_while_the_models_run() -> None:
    """The models wait here for another photo's fetch, then for another's commit: stages run in turn would hang."""
    store, committed = MemoryPhotoStore(), Committed()
    works = leased(store, *[toy_photo(bibs=[str(number)]) for number in range(8)])
    fetched, done = threading.Semaphore(0), threading.Event()
    before_call(store.read, lambda *_, **__: fetched.release())

    class Waiting(ToyAnalyzer):
        threads = 1
        batch_limit = BatchLimit(photos=1, pixels=CPU_BATCH_LIMIT.pixels)
        seen = 0

        def analyze_decoded(self, photos: Sequence[DecodedToy]) -> list[AnalyzedPhoto]:
            self.seen += 1
            if self.seen == 1:
                for _ in range(5):
                    assert fetched.acquire(timeout=WAIT_S), "nothing is fetched while the models run"
            if self.seen == 3:
                assert done.wait(WAIT_S), "nothing is committed while the models run"
            return super().analyze_decoded(photos)

    def commit(work: LeasedWork, result: Result, fetch_ms: float) -> None:
        committed(work, result, fetch_ms)
        done.set()

    with toy_pipeline(store, Waiting(), commit) as pipeline:
        pipeline.put(works)
    assert all(isinstance(result, AnalyzedPhoto) for result in committed.results.values()), committed.results


@pytest.mark.parametrize("pixels", [12_000_000, 24_000_000, 100_000_000])
def test_decoded_photos_have_a_budget_of_pixels(pixels: int) -> None:
    store, committed = MemoryPhotoStore(), Committed()
    works = leased(store, *[toy_photo(bibs=[str(number)]) for number in range(20)])
    counting = threading.Lock()
    decoded = most = 0

    class Counting(ToyAnalyzer):
        def decode(self, content: bytes, bib_rules: BibRules) -> DecodedToy:
            nonlocal decoded, most
            with counting:
                decoded += 1
                most = max(most, decoded)
            return DecodedToy(content, bib_rules, pixels)

        def analyze_decoded(self, photos: Sequence[DecodedToy]) -> list[AnalyzedPhoto]:
            nonlocal decoded
            found = super().analyze_decoded(photos)
            with counting:
                decoded -= len(photos)
            return found

    with toy_pipeline(store, Counting(), committed) as pipeline:
        pipeline.put(works)
    assert len(committed.results) == 20
    within_budget = max(1, Counting.threads * Counting.batch_limit.pixels // pixels)
    # A decoding thread that waits for the budget holds one photo more; a batch is released after its analysis.
    assert most <= within_budget + Counting.threads


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_an_error_in_commit_ends_the_pipeline(error: BaseException) -> None:
    store, before = MemoryPhotoStore(), set(threading.enumerate())
    works = leased(store, *[toy_photo() for _ in range(30)])

    def commit(work: LeasedWork, result: Result, fetch_ms: float) -> None:
        raise error

    def run() -> None:
        with toy_pipeline(store, ToyAnalyzer(), commit) as pipeline:
            pipeline.put(works)
            pipeline.wait_until_at_most(0)

    with pytest.raises(type(error)):
        run()
    assert {thread for thread in threading.enumerate() if thread not in before} == set(), "threads are left behind"


def test_nothing_waits_after_the_end() -> None:
    store = MemoryPhotoStore()
    with toy_pipeline(store, ToyAnalyzer(), Committed()) as pipeline:
        pipeline.put(leased(store, toy_photo(), toy_photo()))
    waiting = {figure.stage: figure.waiting for figure in pipeline.metrics.report() if figure.waiting is not None}
    assert waiting == {"fetch": 0, "decode": 0, "analyse": 0, "watch": 0, "commit": 0}


@pytest.mark.parametrize("name", ["race/clip.mp4", "race/clip"])
def test_a_video_is_known_by_its_content_and_read_by_ranges(name: str) -> None:
    store, committed = MemoryPhotoStore(), Committed()
    [photo] = leased(store, toy_photo())
    video = replace(photo.item, photo=store.upload(name, toy_video(bibs=["7"])).ref)
    read: list[str] = []
    before_call(store.read, lambda ref, **_: read.append(ref.name))
    progress: list[LeasedWork] = []
    with Pipeline(
        store,
        RecentRules(MemoryAlbumRules()),
        ToyAnalyzer(),  # type: ignore[arg-type]
        ToyVideos,
        committed,
        parts=MemoryVideoParts(),
        documents=MemoryDocuments(),
        on_progress=progress.append,
    ) as pipeline:
        pipeline.put([replace(photo, item=video)])
    [result] = committed.results.values()
    assert isinstance(result, AnalyzedPhoto)
    assert result.analysis.video is not None
    assert [bib.number for bib in result.analysis.bibs] == ["7"]
    assert [work.item for work in progress] == [video]
    assert (name in read) is (name == "race/clip"), "its name says that it may be one"


def test_a_photo_with_the_name_of_a_video_is_a_photo() -> None:
    store, committed = MemoryPhotoStore(), Committed()
    [work] = leased(store, toy_photo())
    named = replace(work.item, photo=store.upload("race/photo.mov", toy_photo()).ref)
    with toy_pipeline(store, ToyAnalyzer(), committed) as pipeline:
        pipeline.put([replace(work, item=named)])
    [result] = committed.results.values()
    assert isinstance(result, AnalyzedPhoto)
    assert result.analysis.video is None
