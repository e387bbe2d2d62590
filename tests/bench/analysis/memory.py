"""Peak resident memory of one task on large photos: the whole pipeline, with photos on disk and no cloud.

    python tests/bench/analysis/memory.py PHOTOS [--megapixels 24] [--count 24] [--json FILE]

The photos are collages of those in the folder, so they show crowds: the most that a 24 MP file costs.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from made_photos import collage

from photofinish.adapters.memory.album_rules import MemoryAlbumRules
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.video_parts import MemoryVideoParts
from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.building import build
from photofinish.analysis.models.selection import searched_space
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.analysis.video.video_analyzer import VideoAnalyzer
from photofinish.domain.photo import PhotoRef
from photofinish.ports import LeasedWork, WorkItem
from photofinish_jobs.pipeline import Pipeline, Result
from photofinish_jobs.rules import RecentRules

BAR_MB = 1500


class Folder:
    """A PhotoStore of one folder; it keeps nothing in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, photo: PhotoRef, *, max_bytes: int) -> bytes:
        return (self._folder / photo.name).read_bytes()

    def read_part(self, photo: PhotoRef, *, start: int, stop: int) -> bytes:
        with (self._folder / photo.name).open("rb") as file:
            file.seek(start)
            return file.read(stop - start)

    def size_bytes(self, photo: PhotoRef) -> int:
        return (self._folder / photo.name).stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = measured(arguments.photos, arguments.megapixels, arguments.count, arguments.threads)
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


def measured(photos: Path, megapixels: float, count: int, threads: int = 2) -> dict[str, float]:
    """Peak memory of a separate process that analyses `count` photos, and its photos/s."""
    build(default_models_dir())
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            collage(sorted(photos.glob("*.jpg")), number, megapixels, Path(folder) / f"{number:03}.jpg")
        context = multiprocessing.get_context("spawn")
        answers = context.Queue()
        process = context.Process(target=_work, args=(Path(folder), threads, answers))
        process.start()
        seconds, peak_mb, faces = answers.get(timeout=900)
        process.join()
    return {
        "megapixels": megapixels,
        "photos": count,
        "faces_per_photo": round(faces / count, 1),
        "photos_per_s": round(count / seconds, 2),
        "peak_mb": round(peak_mb),
        "bar_mb": BAR_MB,
    }


def _work(folder: Path, threads: int, answers: multiprocessing.Queue[tuple[float, float, int]]) -> None:
    settings = ModelSettings(models_dir=default_models_dir(), threads=threads)
    analyzer = Analyzer.load(settings)
    names = sorted(path.name for path in folder.iterdir())
    now = datetime.now(UTC)
    works = [
        LeasedWork(
            item=WorkItem(photo=PhotoRef(bucket="b", name=name, generation=1), trace_id="", uploaded_at=now),
            ack_id=name,
            delivery_attempt=1,
            published_at=now,
        )
        for name in names
    ]
    faces = 0

    def commit(work: LeasedWork, result: Result, fetch_ms: float) -> None:
        nonlocal faces
        assert isinstance(result, AnalyzedPhoto), f"{work.item.photo.name}: {result}"
        faces += len(result.analysis.faces)

    began = time.perf_counter()
    videos = VideoAnalyzer(analyzer, searched_space(settings)[1])
    with Pipeline(
        Folder(folder),
        RecentRules(MemoryAlbumRules()),
        analyzer,
        lambda: videos,
        commit,
        parts=MemoryVideoParts(),
        documents=MemoryDocuments(),
    ) as pipeline:  # type: ignore[arg-type]
        pipeline.put(works)
    seconds = time.perf_counter() - began
    answers.put((seconds, peak_mb(), faces))


def peak_mb() -> float:
    """This process's own peak; ru_maxrss would start with the peak of the parent process."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
