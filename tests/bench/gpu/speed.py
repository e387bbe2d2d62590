"""Photos a second: the whole pipeline and what bounds it, decoding, batch sizes, and what a change of shape costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from bench.gpu.effort import Effort
from bench.gpu.figures import GPU_BUSY, Figure, at_least, bound_by, busy_shares, goal_photos_per_s
from bench.gpu.targets import GpuWatch, Target
from photofinish.adapters.memory.album_rules import MemoryAlbumRules
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.video_parts import MemoryVideoParts
from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.analysis.imaging.decoding import decode
from photofinish.analysis.models.tensorrt_shapes import SHAPES
from photofinish.domain.photo import PhotoRef
from photofinish.ports import LeasedWork, WorkItem
from photofinish_jobs.pipeline import COMMIT_THREADS, FETCH_THREADS, Pipeline, Result
from photofinish_jobs.rules import RecentRules
from photofinish_jobs.videos import AnalyzesVideos


class _Photos:
    """A PhotoStore of contents in memory, each named by its number."""

    def __init__(self, contents: Sequence[bytes]) -> None:
        self._contents = contents

    def read(self, photo: PhotoRef, *, max_bytes: int) -> bytes:
        return self._contents[int(photo.name) % len(self._contents)]


def of_pipeline(
    target: Target, contents: Sequence[bytes], effort: Effort, *, name: str, device: str = ""
) -> Iterator[Figure]:
    """Run a task's pipeline for some seconds, with photos in memory and nothing to commit to.

    `device` is the GPU's name, which has a goal.
    """
    part = f"speed {target.name}"
    analyzer, batch_size = target.analyzer, effort.batch_size
    done = 0

    def commit(work: LeasedWork, result: Result, fetch_ms: float) -> None:
        nonlocal done
        assert isinstance(result, AnalyzedPhoto), f"{work.item.photo.name}: {result}"
        done += 1

    with Pipeline(
        _Photos(contents),
        RecentRules(MemoryAlbumRules()),
        analyzer,
        _no_videos,
        commit,
        parts=MemoryVideoParts(),
        documents=MemoryDocuments(),
    ) as pipeline:  # type: ignore[arg-type]
        pipeline.put([_work(number) for number in range(batch_size)])
        pipeline.wait_until_at_most(0)
        pipeline.metrics.report()  # begins a new interval
        done, put, began = 0, 0, time.perf_counter()
        with GpuWatch() as watch:
            while time.perf_counter() - began < effort.seconds:
                pipeline.put([_work(number) for number in range(put, put + batch_size)])
                put += batch_size
                pipeline.wait_until_at_most(batch_size)
            pipeline.wait_until_at_most(0)
        rate = done / (time.perf_counter() - began)
        ms = {figure.stage: figure.ms_per_photo for figure in pipeline.metrics.report()}
    threads = {
        "fetch": FETCH_THREADS,
        "decode": analyzer.threads,
        "analyse": analyzer.threads,
        "commit": COMMIT_THREADS,
    }
    shares = busy_shares(rate, ms, threads)
    stages = ", ".join(f"{stage} {spent:.0f}" for stage, spent in ms.items() if spent >= 1)
    detail = {"ms_per_photo": ms, "busy": shares, "threads": analyzer.threads, "photos": done}
    note = f"bound by {bound_by(shares, watch.busy)}; ms a photo: {stages}"
    if device:
        yield at_least(part, name, rate, goal_photos_per_s(device), "photos/s", note=note, detail=detail)
    else:
        yield Figure(part=part, name=name, value=rate, unit="photos/s", note=note, detail=detail)
    if device and watch.busy is not None:
        yield at_least(part, f"{name}: GPU busy", watch.busy, GPU_BUSY)


def of_decoding(name: str, contents: Sequence[bytes], threads: int, effort: Effort) -> Iterator[Figure]:
    """Decode on the CPU as the analysis does, and with nvJPEG where something here offers it."""
    part, seconds = "decode", effort.seconds / 5
    with ThreadPoolExecutor(threads) as pool:
        began, photos = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            photos += len(list(pool.map(decode, contents)))
        rate = photos / (time.perf_counter() - began)
    yield Figure(part=part, name=f"{name} on {threads} CPU threads", value=rate, unit="photos/s")
    on_gpu = nvjpeg()
    if isinstance(on_gpu, str):
        yield Figure(part=part, name=f"{name} with nvJPEG", skipped=on_gpu)
        return
    on_gpu(contents)
    began, photos = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        on_gpu(contents)
        photos += len(contents)
    yield Figure(part=part, name=f"{name} with nvJPEG", value=photos / (time.perf_counter() - began), unit="photos/s")


def nvjpeg() -> Callable[[Sequence[bytes]], Any] | str:
    """What decodes JPEGs on the GPU and waits for it: of nvimgcodec or torchvision; or why there is nothing."""
    try:
        from nvidia import nvimgcodec
    except ImportError:
        pass
    else:
        decoder = nvimgcodec.Decoder()
        return lambda contents: [np.asarray(image.cpu())[0, 0] for image in decoder.decode(list(contents))]
    try:
        import torch
        from torchvision.io import decode_jpeg
    except ImportError:
        return "neither nvimgcodec nor torchvision is installed"
    if not torch.cuda.is_available():
        return "no CUDA device"

    def decode_all(contents: Sequence[bytes]) -> None:
        buffers = [torch.frombuffer(bytearray(content), dtype=torch.uint8) for content in contents]
        decode_jpeg(buffers, device="cuda")
        torch.cuda.synchronize()

    return decode_all


def of_batches(target: Target, effort: Effort) -> Iterator[Figure]:
    """Run each model alone on its usual input in growing batches."""
    random = np.random.default_rng(0)
    for role, shapes in SHAPES.items():
        run = target.session(role).run
        largest = min(shapes.largest[0], effort.largest_batch)
        sizes = [1 << power for power in range(largest.bit_length()) if 1 << power >= shapes.smallest[0]]
        shape = [min(side, effort.largest_side) for side in shapes.usual[1:]]
        batches = {size: random.uniform(-1, 1, (size, *shape)).astype(np.float32) for size in sizes}
        ms = {size: _median_ms(partial(run, batch), effort.runs) for size, batch in batches.items()}
        best = min(ms, key=lambda size: ms[size] / size)
        each = ", ".join(f"{size}: {spent:.1f} ms" for size, spent in ms.items())
        yield Figure(
            part=f"batches {target.name}",
            name=f"{role}, best in batches of {best}",
            value=1000 * best / ms[best],
            unit="inputs/s",
            note=each,
            detail={"ms": ms},
        )


def of_shapes(target: Target, effort: Effort) -> Iterator[Figure]:
    """Read lines of one width, then of changing widths: cuDNN may plan anew whenever a shape changes."""
    run = target.session("text_recognition").run
    random = np.random.default_rng(0)
    lines = [random.uniform(-1, 1, (2, 3, 48, width)).astype(np.float32) for width in (96, 128, 160, 192)]
    first_ms = statistics.mean(_timed_ms(partial(run, line)) for line in lines)
    changing_ms = statistics.median(_timed_ms(partial(run, line)) for _ in range(effort.runs) for line in lines)
    same_ms = statistics.median(_median_ms(partial(run, line), effort.runs) for line in lines)
    yield Figure(
        part=f"shapes {target.name}",
        name="a known shape after another, by the same again",
        value=changing_ms / same_ms,
        unit="×",
        note=f"{changing_ms:.1f} ms against {same_ms:.1f} ms; the first time {first_ms:.1f} ms",
    )


def _work(number: int) -> LeasedWork:
    now = datetime.now(UTC)
    photo = PhotoRef(bucket="b", name=str(number), generation=1)
    item = WorkItem(photo=photo, trace_id="", uploaded_at=now)
    return LeasedWork(item=item, ack_id=str(number), delivery_attempt=1, published_at=now)


def _median_ms(run: Callable[[], Any], runs: int) -> float:
    run()
    return statistics.median(_timed_ms(run) for _ in range(runs))


def _timed_ms(run: Callable[[], Any]) -> float:
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000


def _no_videos() -> AnalyzesVideos:
    raise AssertionError("only photos are measured here")
