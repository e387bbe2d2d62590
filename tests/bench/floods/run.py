"""Flood a local cloud: many small photos at once, then many albums with a thousand listeners, then a drop that sleeps.

    python tests/bench/floods/run.py [--photos 10000] [--albums 50] [--listeners 1000] [--report FILE]

Exit status 1 when a photo has no result, the memory of a process grows with the photos, or the drop loses one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.cloud import storage
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[2]))

from chart import lines_chart
from cloud import flooded_cloud
from memory import MemoryOverTime, Series, growing
from report import document
from sleeping import drop_through_the_night

from photofinish.domain.photo import PhotoStatus
from photofinish.settings import Settings
from photofinish.wiring import App
from support.pictures import encode, noise
from support.waiting import wait_until

_FLOOD = "flood"
_UPLOADS_AT_ONCE = 8
_S_PER_PHOTO = 5.0
_POLL_S = 2.0
_SLEPT_PHOTOS = 30
_ALBUMS_A_LOOK = 5


@dataclass(frozen=True, slots=True)
class Flood:
    """What a flood of one album showed; each series is of (seconds, photos)."""

    photos: int
    uploaded_after_s: float
    done: Series
    waiting: Series
    """Recorded, without a result yet."""
    tasks: Series
    """Leases that were held."""
    memory: dict[str, Series]

    @property
    def seconds(self) -> float:
        return self.done[-1][0]

    def rate(self, first: float, last: float) -> float:
        """Photos a second between two shares of all photos."""
        begin = next(at_s for at_s, photos in self.done if photos >= first * self.photos)
        end = next(at_s for at_s, photos in self.done if photos >= last * self.photos)
        return (last - first) * self.photos / max(end - begin, _POLL_S)


@dataclass(frozen=True, slots=True)
class Albums:
    """What many albums at once showed."""

    photos_each: int
    done_after_s: list[float]
    heard: dict[str, Any]
    """By the listeners."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--albums", type=int, default=50)
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--report", type=Path, help="write the figures into this document, and charts beside it")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    console = Console(width=120)
    with tempfile.TemporaryDirectory(prefix="photofinish-floods-") as name:
        folder = Path(name)
        with flooded_cloud(folder) as (state_dir, clock):
            app = App(Settings.from_env())
            bucket = storage.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"]).bucket(
                os.environ["PHOTOFINISH_PHOTO_BUCKET"]
            )
            console.print("the cloud runs")
            slept = ""
            if clock is not None:
                make_photos(folder / "card", _SLEPT_PHOTOS)
                slept = drop_through_the_night(state_dir, app, folder / "card", clock)
                console.print(slept, markup=False)
            flood = one_album(app, bucket, state_dir, arguments.photos)
            console.print(f"{flood.photos} photos after {flood.seconds:.0f} s")
            each = max(1, arguments.photos // arguments.albums // 4)
            albums = many_albums(app, bucket, arguments.albums, each, arguments.listeners)
    report = document(flood, albums, slept, arguments.listeners)
    console.print(report, markup=False)
    if arguments.report:
        arguments.report.write_text(report)
        while_analysed = f"while {flood.photos:,} photos are analysed"
        charts = {
            "floods-memory.svg": (flood.memory, f"Memory of each process of a local cloud {while_analysed}", "MB"),
            "floods-photos.svg": ({"done": flood.done, "waiting": flood.waiting}, f"Photos {while_analysed}", ""),
        }
        for file, (series, title, unit) in charts.items():
            arguments.report.with_name(file).write_text(lines_chart(series, title=title, unit=unit))
    failed = bool(slept) and f"{_SLEPT_PHOTOS} sent" not in slept
    return 1 if growing(flood.memory) or failed else 0


def one_album(app: App, bucket: storage.Bucket, state_dir: Path, photos: int) -> Flood:
    """Store all photos of an album at once, and look until each has its result."""
    memory = MemoryOverTime(state_dir)
    began = time.monotonic()
    done: Series = []
    waiting: Series = []
    tasks: Series = []

    def all_done() -> bool:
        time.sleep(_POLL_S)
        at_s = time.monotonic() - began
        counts = app.documents.counts(_FLOOD)
        done.append((at_s, float(counts.get(PhotoStatus.DONE, 0))))
        waiting.append((at_s, float(sum(counts.values())) - done[-1][1]))
        tasks.append((at_s, float(app.leases.live())))
        return done[-1][1] >= photos

    with ThreadPoolExecutor(1) as pool:
        uploading = pool.submit(upload, bucket, [f"{_FLOOD}/{number:05}.jpg" for number in range(photos)])
        wait_until(all_done, f"{photos} photos are analysed", timeout_s=60 + _S_PER_PHOTO * photos)
        uploaded_after_s = uploading.result() - began
    memory.stop()
    return Flood(photos, uploaded_after_s, done, waiting, tasks, dict(memory.series))


def many_albums(app: App, bucket: storage.Bucket, albums: int, photos: int, listeners: int) -> Albums:
    """Store small albums at once while others listen to them; tell after how many seconds each was done."""
    names = [f"album-{number}" for number in range(albums)]
    done_after_s: dict[str, float] = {}
    looks = itertools.count()
    with listening(names, listeners) as heard:
        began = time.monotonic()
        upload(bucket, [f"{name}/{number}.jpg" for number in range(photos) for name in names])

        def all_done() -> bool:
            time.sleep(_POLL_S)
            left = deque(name for name in names if name not in done_after_s)
            left.rotate(-next(looks) * _ALBUMS_A_LOOK)  # a few at a time: counting costs the server more than analysing
            for name in list(left)[:_ALBUMS_A_LOOK]:
                if app.documents.counts(name).get(PhotoStatus.DONE, 0) >= photos:
                    done_after_s[name] = time.monotonic() - began
            return len(done_after_s) == albums

        wait_until(all_done, f"{albums} albums are analysed", timeout_s=60 + _S_PER_PHOTO * photos * albums)
    return Albums(photos, sorted(done_after_s.values()), heard)


@contextmanager
def listening(albums: Sequence[str], listeners: int) -> Iterator[dict[str, Any]]:
    """Let others listen to the albums, and poll them; yields what they heard, filled in at the end."""
    urls = [os.environ["PHOTOFINISH_LIVE_URL"], os.environ["PHOTOFINISH_API_URL"], os.environ["PHOTOFINISH_API_KEY"]]
    program = Path(__file__).with_name("listeners.py")
    command = [sys.executable, str(program), *urls, str(listeners), *albums]
    heard: dict[str, Any] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield heard
        said, _ = process.communicate()
        heard |= json.loads(said)


def upload(bucket: storage.Bucket, names: Sequence[str]) -> float:
    """Store small photos, each with other pixels; return when it ended."""
    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
        for _ in pool.map(lambda name: _store(bucket, name), names):
            pass
    return time.monotonic()


def _store(bucket: storage.Bucket, name: str) -> None:
    bucket.blob(name).upload_from_string(_picture(name), content_type="image/jpeg")


def make_photos(folder: Path, photos: int) -> None:
    folder.mkdir()
    for number in range(photos):
        (folder / f"IMG_{number}.jpg").write_bytes(_picture(f"card {number}"))


def _picture(name: str) -> bytes:
    return encode(noise(96, 64, seed=zlib.crc32(name.encode())), quality=80)


if __name__ == "__main__":
    sys.exit(main())
