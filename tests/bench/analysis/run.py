"""The analysis compared with the plain script, on the same photos in one run: photos/s, stage times, accuracy, memory.

    python tests/bench/analysis/run.py PHOTOS [--count 60] [--large 16] [--json FILE]      (about 4 minutes on 2 cores)

Three cases: the photos unchanged (bar: twice the plain script), enlarged to 12 megapixels (bar: three times), and a
task's peak memory on 24 megapixels (bar: 1.5 GB). Both sides take turns, a few photos each, so that other load on the
machine slows both; `cpu ratio` compares processor time, which includes threads waiting actively for each other. If the
folder has a ``labels.json``, bibs are scored too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from made_photos import enlarged
from memory import BAR_MB, measured
from plain_script import THREADS, PlainScript

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.building import build
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish_cli.output import console, table

_BARS = {"as_they_are": 2.0, "12_megapixels": 3.0}
_TURN = 16  # photos of one side before the other takes over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=60, help="photos of the unchanged case")
    parser.add_argument("--large", type=int, default=16, help="enlarged photos, and photos of the memory case")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    settings = ModelSettings(models_dir=default_models_dir(), threads=THREADS)
    build(settings.models_dir)
    files = sorted(arguments.photos.glob("*.jpg"))
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        spread = files[:: max(1, len(files) // max(1, arguments.large))][: arguments.large]
        large = [enlarged(file, 12, Path(folder) / file.name) for file in spread]
        for name, chosen in (("as_they_are", files[: arguments.count]), ("12_megapixels", large)):
            if chosen:
                result[name] = compared(chosen, settings) | {"bar": _BARS[name]}
    labels = arguments.photos / "labels.json"
    for case in result.values():
        numbers = case.pop("numbers")
        if labels.is_file():
            case["bibs"] = score(numbers, json.loads(labels.read_text()))
    if arguments.large:
        result["memory"] = measured(arguments.photos, 24, arguments.large, THREADS)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


def compared(files: list[Path], settings: ModelSettings) -> dict[str, Any]:
    analyzer, plain = Analyzer.load(settings), PlainScript(settings.models_dir)
    analyzer.analyze([files[0].read_bytes()])  # both warm
    plain.analyze(files[0])
    plain.seconds.clear()
    plain.faces = 0
    ours, theirs = Clock(), Clock()
    stages: dict[str, float] = defaultdict(float)
    numbers: dict[str, list[str]] = {}
    faces = 0
    for start in range(0, len(files), _TURN):
        part = files[start : start + _TURN]
        results = ours.timed(lambda part=part: analyzer.analyze([file.read_bytes() for file in part]))  # type: ignore[misc]
        theirs.timed(lambda part=part: [plain.analyze(file) for file in part])  # type: ignore[misc]
        for file, result in zip(part, results, strict=True):
            assert isinstance(result, AnalyzedPhoto), f"{file}: {result}"
            faces += len(result.analysis.faces)
            numbers[file.name] = [bib.number for bib in result.analysis.bibs if not bib.partial]
            for stage, milliseconds in result.analysis.timings_ms.items():
                stages[stage] += milliseconds / len(files)
    return {
        "photos": len(files),
        "ours": ours.figures(len(files))
        | {"faces": faces, "ms_per_photo_in_a_thread": {stage: round(ms, 1) for stage, ms in stages.items()}},
        "plain_script": theirs.figures(len(files))
        | {
            "faces": plain.faces,
            "ms_per_photo": {stage: round(seconds * 1000 / len(files), 1) for stage, seconds in plain.seconds.items()},
        },
        "ratio": round(theirs.wall_s / ours.wall_s, 2),
        "ratio_cpu": round(theirs.cpu_s / ours.cpu_s, 2),
        "numbers": numbers,
    }


class Clock:
    """Wall and processor time of one side."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 0.0

    def timed(self, work: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.wall_s += time.perf_counter() - wall
        self.cpu_s += time.process_time() - cpu
        return result

    def figures(self, photos: int) -> dict[str, Any]:
        return {"photos_per_s": round(photos / self.wall_s, 2), "cpu_ms_per_photo": round(self.cpu_s * 1000 / photos)}


def score(numbers: dict[str, list[str]], labels: dict[str, dict[str, list[str]]]) -> dict[str, float]:
    """Score exact matches of whole numbers per photo, over the analysed photos."""
    right = wrong = missed = 0
    for name, found in numbers.items():
        expected = set(labels[name]["numbers"])
        right += len(expected & set(found))
        wrong += len(set(found) - expected)
        missed += len(expected - set(found))
    return {
        "precision": round(right / max(1, right + wrong), 3),
        "recall": round(right / max(1, right + missed), 3),
        "f1": round(2 * right / max(1, 2 * right + wrong + missed), 3),
    }


def show(result: dict[str, Any]) -> None:
    rows = table(
        "case",
        "ours",
        "plain script",
        "ratio",
        "cpu ratio",
        "bar",
        right=["ours", "plain script", "ratio", "cpu ratio", "bar"],
    )
    for name in _BARS:
        if case := result.get(name):
            speeds = (f"{case[side]['photos_per_s']:.2f} photos/s" for side in ("ours", "plain_script"))
            rows.add_row(
                name.replace("_", " "), *speeds, f"{case['ratio']}×", f"{case['ratio_cpu']}×", f"{case['bar']}×"
            )
    screen = console()
    screen.print(rows)
    stages = table("ms a photo", *(name.replace("_", " ") for name in _BARS if name in result), right=["12 megapixels"])
    cases = [result[name] for name in _BARS if name in result]
    for stage in cases[0]["ours"]["ms_per_photo_in_a_thread"]:
        stages.add_row(stage, *(f"{case['ours']['ms_per_photo_in_a_thread'][stage]:.1f}" for case in cases))
    screen.print(stages)
    for case in cases:
        if "bibs" in case:
            screen.print(f"bibs: F1 {case['bibs']['f1']}, recall {case['bibs']['recall']}")
    if memory := result.get("memory"):
        screen.print(
            f"peak memory of a task on {memory['megapixels']} megapixels: {memory['peak_mb']} MB (bar {BAR_MB} MB)"
        )


if __name__ == "__main__":
    main()
