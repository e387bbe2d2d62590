"""The cost of everything between queue and committed result beyond the analysis, and whether it grows with the album.

    python tests/bench/album/queue_to_commit.py PHOTOS [--count 1000] [--longest-side PIXELS] [--json FILE]

A whole local cloud runs; `--count` photos (the folder's, repeated) are uploaded and queued while no task may start.
Then one task processes them; before and after it, the same photos are analysed without a cloud.

    --count 1000                        the overhead (bar: 15 %); about 9 minutes on 2 cores
    --count 10000 --longest-side 160    first compared with last 1,000 photos (bar: 10 %); about 25 minutes

Compare rates only on an idle machine: the two sides run one after the other. Processor time, which is reported too, is
nearly the same on a busy one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import psutil
import typer

from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.imaging.resizing import fit_within
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.photo import PhotoStatus
from photofinish.settings import ModelEnvironment
from photofinish.wiring import App
from photofinish_cli.deployment import connect
from photofinish_cli.output import console, table
from photofinish_emulators import stack

_ALBUM = "bench"
_OVERHEAD_BAR, _GROWTH_BAR = 0.15, 0.10
_QUEUED_WITHIN_S = 3600
_SAMPLED_EVERY_S = 3.0


def main(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
    count: Annotated[int, typer.Option(min=100)] = 1000,
    longest_side: Annotated[int | None, typer.Option(help="Make the photos smaller first.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="photofinish-bench-") as temporary:
        photos = prepared(folder, longest_side, Path(temporary) / "photos")
        album = Path(temporary) / "album"
        album.mkdir()
        for number, photo in enumerate(islice(cycle(photos), count)):
            (album / f"{number:06}.jpg").hardlink_to(photo)
        state_dir = Path(temporary) / "state"
        os.environ["PHOTOFINISH_STATE_DIR"] = str(state_dir)
        command = [sys.executable, "-m", "photofinish_cli"]
        subprocess.run([*command, "up", "--detach"], check=True, stdout=subprocess.DEVNULL)
        try:
            cloud = connect(state_dir)
            all_leases = cloud.settings.max_gpu_tasks  # so that no task is started
            cloud.leases.reserve(lambda leased: all_leases, launch_id="bench", expires_in_s=24 * 3600)
            queue_all(cloud, command, album, count)
            figures = measured(cloud, state_dir, photos)
        finally:
            subprocess.run([*command, "down"], check=True, stdout=subprocess.DEVNULL)
    show(figures)
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")


def prepared(folder: Path, longest_side: int | None, target: Path) -> list[Path]:
    """Copy the folder's photos, or make them smaller."""
    target.mkdir()
    for file in sorted(folder.glob("*.jpg")):
        if longest_side is None:
            (target / file.name).write_bytes(file.read_bytes())
        else:
            image = cv2.imread(str(file))
            assert image is not None, file
            cv2.imwrite(str(target / file.name), fit_within(image.astype("uint8"), longest_side))
    return sorted(target.iterdir())


def queue_all(cloud: App, command: list[str], album: Path, count: int) -> None:
    """Upload everything, and wait until every photo is recorded and queued."""
    subprocess.run([*command, "drop", str(album), "--album", _ALBUM], check=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + _QUEUED_WITHIN_S
    while cloud.documents.counts(_ALBUM).get(PhotoStatus.QUEUED, 0) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{cloud.documents.counts(_ALBUM)} after an hour instead of {count} queued photos")
        time.sleep(1)


def measured(cloud: App, state_dir: Path, photos: list[Path]) -> dict[str, Any]:
    alone_before = Alone.measured(photos)
    cpu_before = cpu_seconds(state_dir)
    samples = list(run_task(state_dir))
    cpu_after = cpu_seconds(state_dir) | {"task": samples[-1].cpu_s["task"]}
    alone_after = Alone.measured(photos)
    records = list(cloud.documents.list_photos(_ALBUM))
    statuses = {status.value: sum(record.status is status for record in records) for status in PhotoStatus}
    done_at = sorted(record.fields["done_at"].timestamp() for record in records if record.status is PhotoStatus.DONE)
    timings = [record.fields["timings_ms"] for record in records if record.status is PhotoStatus.DONE]
    consent_ms = sum(stages["consent"] for stages in timings)
    stages_ms = sum(sum(stages.values()) for stages in timings)
    part = max(10, len(done_at) // 10)
    alone = (alone_before.photos_per_s + alone_after.photos_per_s) / 2
    alone_cpu_ms = (alone_before.cpu_ms_per_photo + alone_after.cpu_ms_per_photo) / 2
    committed = rate(done_at)
    first, last = rate(done_at[:part]), rate(done_at[-part:])
    first_cpu_ms, last_cpu_ms = cpu_ms_per_photo(samples, done_at[:part]), cpu_ms_per_photo(samples, done_at[-part:])
    spent_ms = {
        name: (seconds - cpu_before.get(name, 0.0)) * 1000 / len(records) for name, seconds in cpu_after.items()
    }
    return {
        "photos": len(records),
        "statuses": {status: number for status, number in statuses.items() if number},
        "alone_photos_per_s": {
            "before": round(alone_before.photos_per_s, 2),
            "after": round(alone_after.photos_per_s, 2),
        },
        "committed_photos_per_s": round(committed, 2),
        "overhead": round(alone / committed - 1, 3),
        "overhead_bar": _OVERHEAD_BAR,
        "consent_ms_per_photo": round(consent_ms / len(done_at), 2),
        "consent_share_of_stages": round(consent_ms / stages_ms, 4),
        "compared_at_each_end": part,
        "photos_per_s_first": round(first, 2),
        "photos_per_s_last": round(last, 2),
        "growth": round(first / last - 1, 3),
        "growth_bar": _GROWTH_BAR,
        "photos_per_s_by_tenth": [
            round(rate(done_at[start : start + part]), 2) for start in range(0, len(done_at) - part + 1, part)
        ],
        "cpu_ms_per_photo": {name: round(ms, 1) for name, ms in sorted(spent_ms.items()) if ms >= 1}
        | {"alone": round(alone_cpu_ms, 1)},
        "cpu_overhead": round(sum(spent_ms.values()) / alone_cpu_ms - 1, 3),
        "cpu_ms_per_photo_first": round(first_cpu_ms, 1),
        "cpu_ms_per_photo_last": round(last_cpu_ms, 1),
        "cpu_growth": round(last_cpu_ms / first_cpu_ms - 1, 3),
    }


@dataclass(frozen=True, slots=True)
class Alone:
    """The analysis without a cloud, measured as by `make bench`."""

    photos_per_s: float
    cpu_ms_per_photo: float

    @classmethod
    def measured(cls, photos: list[Path]) -> Alone:
        environment = ModelEnvironment.from_env()
        analyzer = Analyzer.load(ModelSettings(models_dir=environment.models_dir, threads=environment.threads))
        contents = [photo.read_bytes() for photo in photos]  # all of them: some take twice as long as others
        analyzer.analyze(contents[:4])
        began, cpu_began = time.perf_counter(), time.process_time()
        analyzer.analyze(contents)
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
        return cls(len(contents) / wall_s, cpu_s * 1000 / len(contents))


@dataclass(frozen=True, slots=True)
class Sample:
    """Processor time of all processes up to a moment."""

    at_s: float
    cpu_s: dict[str, float]


def run_task(state_dir: Path) -> Iterator[Sample]:
    """Empty the queue with one task, and sample processor time every few seconds."""
    task = psutil.Popen(
        [sys.executable, "-m", "photofinish_jobs"],
        env=os.environ | {"PHOTOFINISH_IDLE_EXIT_S": "1", "PHOTOFINISH_LAUNCH_ID": "bench"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while True:
        try:
            spent = sum(task.cpu_times()[:2])
        except psutil.NoSuchProcess:
            break
        yield Sample(time.time(), cpu_seconds(state_dir) | {"task": spent})
        try:
            task.wait(_SAMPLED_EVERY_S)
            break
        except psutil.TimeoutExpired:
            continue
    assert task.wait() == 0, "the task failed"


def cpu_ms_per_photo(samples: list[Sample], done_at: list[float]) -> float:
    """Processor time of all processes between the first and the last of these photos, for each done since the first.

    Between two samples it is taken to grow evenly: of a small album there may be one sample, or none, in between.
    """
    at_s = [sample.at_s for sample in samples]
    total_s = [sum(sample.cpu_s.values()) for sample in samples]
    first_s, last_s = np.interp([done_at[0], done_at[-1]], at_s, total_s)
    return float(last_s - first_s) * 1000 / (len(done_at) - 1)


def rate(times: list[float]) -> float:
    """Events a second between the first and the last."""
    return (len(times) - 1) / max(1e-9, times[-1] - times[0])


def cpu_seconds(state_dir: Path) -> dict[str, float]:
    """Processor time of every piece of the local cloud so far."""
    spent = {}
    for name, piece in stack.pieces(state_dir).items():
        if piece.pid is not None:
            process = psutil.Process(piece.pid)
            family = [process, *process.children(recursive=True)]
            spent[name] = sum(sum(one.cpu_times()[:2]) for one in family)
    return spent


def show(figures: dict[str, Any]) -> None:
    rows = table("what", "figure", right=["figure"])
    for name, value in figures.items():
        if isinstance(value, dict):
            for part, figure in value.items():
                rows.add_row(f"{name}: {part}", str(figure))
        else:
            rows.add_row(name, str(value))
    console().print(rows)


if __name__ == "__main__":
    typer.run(main)
