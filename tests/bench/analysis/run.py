"""Our analysis against the plain script, in one run on the same photos: photos/s, stage times, accuracy of bibs.

    python tests/bench/analysis/run.py PHOTOS [--count 60] [--batch 16] [--megapixels 12] [--json FILE]

`--megapixels` enlarges every photo first, to measure what a camera's files cost. Both sides take turns, some photos
each, so that a machine that is busy meanwhile slows both. Where the folder has a ``labels.json``, bibs are scored too.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import cv2
from plain_script import THREADS, PlainScript

from photofinish.models.building import build
from photofinish.models.settings import ModelSettings, default_models_dir
from photofinish_jobs.analyze import AnalyzedPhoto, Analyzer


def main() -> None:
    arguments = parse_arguments()
    settings = ModelSettings(models_dir=default_models_dir(), threads=THREADS)
    build(settings.models_dir)
    with tempfile.TemporaryDirectory() as folder:
        files = sorted(arguments.photos.glob("*.jpg"))[: arguments.count]
        if arguments.megapixels:
            files = [enlarged(file, arguments.megapixels, Path(folder)) for file in files]
        result = measure(files, settings, arguments.batch)
    labels = arguments.photos / "labels.json"
    if labels.is_file():
        result["bibs"] = score(result.pop("numbers"), json.loads(labels.read_text()))
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--megapixels", type=float)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def measure(files: list[Path], settings: ModelSettings, batch: int) -> dict[str, object]:
    analyzer, plain = Analyzer.load(settings), PlainScript(settings.models_dir)
    analyzer.analyze([files[0].read_bytes()])  # both warm
    plain.analyze(files[0])
    plain.seconds.clear()
    plain.faces = 0
    ours_s = plain_s = 0.0
    stages: dict[str, float] = defaultdict(float)
    numbers: dict[str, list[str]] = {}
    faces = 0
    for start in range(0, len(files), batch):
        part = files[start : start + batch]
        started = time.perf_counter()
        results = analyzer.analyze([file.read_bytes() for file in part])
        ours_s += time.perf_counter() - started
        for file, result in zip(part, results, strict=True):
            assert isinstance(result, AnalyzedPhoto), f"{file}: {result}"
            faces += len(result.analysis.faces)
            numbers[file.name] = [bib.number for bib in result.analysis.bibs]
            for stage, milliseconds in result.analysis.timings_ms.items():
                stages[stage] += milliseconds / len(files)
        started = time.perf_counter()
        for file in part:
            plain.analyze(file)
        plain_s += time.perf_counter() - started
    return {
        "photos": len(files),
        "ours": {
            "photos_per_s": round(len(files) / ours_s, 2),
            "faces": faces,
            "ms_per_photo": {stage: round(value, 1) for stage, value in stages.items()},
        },
        "plain_script": {
            "photos_per_s": round(len(files) / plain_s, 2),
            "faces": plain.faces,
            "ms_per_photo": {stage: round(value * 1000 / len(files), 1) for stage, value in plain.seconds.items()},
        },
        "ratio": round(plain_s / ours_s, 2),
        "peak_memory_mb_of_both": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "numbers": numbers,
    }


def enlarged(file: Path, megapixels: float, folder: Path) -> Path:
    image = cv2.imread(str(file))
    assert image is not None, file
    scale = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    target = folder / file.name
    cv2.imwrite(str(target), cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    return target


def score(numbers: dict[str, list[str]], labels: dict[str, dict[str, list[str]]]) -> dict[str, float]:
    """Exact matches of numbers per photo, over the photos that were analysed."""
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


if __name__ == "__main__":
    main()
