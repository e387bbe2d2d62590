"""What a CPU task finds in labelled race photos, compared with a GPU task.

    PYTHONPATH=tests python tests/bench/accuracy/profiles.py LABELLED_FOLDER > docs/benchmarks/profiles.json

CPU tasks read text with 8-bit forms of the models. The models of a GPU run here on the CPU, in float32; how exactly a
GPU computes the same is measured where there is one. Ends with 1 if the two differ by more than docs/bibs.md says.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from support.gpu_models import models_of_a_gpu
from support.profile_comparison import (
    MAX_F1_LOSS,
    MAX_SHARE_WITH_OTHER_NUMBERS,
    MIN_COSINE,
    Labelled,
    accuracy,
    compare,
    start_list,
)


def main(folder: Path) -> dict[str, Any]:
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    photos = [Labelled(name, frozenset(labels[name]["numbers"])) for name in sorted(labels)]
    settings = ModelSettings(models_dir=default_models_dir(), threads=2)
    cpu_analyzer = Analyzer.load(settings)
    with models_of_a_gpu():
        gpu_analyzer = Analyzer.load(settings)
    cpu, cpu_s = _analyses(cpu_analyzer, folder, photos)
    gpu, gpu_s = _analyses(gpu_analyzer, folder, photos)
    listed = start_list({number for photo in photos for number in photo.numbers})
    difference = compare(photos, cpu, gpu)
    accuracies = {"cpu": accuracy(photos, cpu), "gpu": accuracy(photos, gpu)}
    problems = {
        "too many photos with other numbers": difference.differing_share > MAX_SHARE_WITH_OTHER_NUMBERS,
        "F1 without GPU is too low": accuracies["gpu"]["f1"] - accuracies["cpu"]["f1"] > MAX_F1_LOSS,
        "faces differ": difference.face_counts_differ > 0 or difference.min_cosine < MIN_COSINE,
    }
    if found := [problem for problem, is_there in problems.items() if is_there]:
        raise SystemExit(f"beyond the documented tolerance: {', '.join(found)}: {difference} {accuracies}")
    return {
        "photos": len(photos),
        "pipeline_versions": {"cpu": cpu_analyzer.pipeline_version, "gpu": gpu_analyzer.pipeline_version},
        "seconds_per_photo": {"cpu": round(cpu_s / len(photos), 3), "gpu_models_on_cpu": round(gpu_s / len(photos), 3)},
        "accuracy": {
            **accuracies,
            "cpu_with_start_list": accuracy(photos, cpu, listed),
            "gpu_with_start_list": accuracy(photos, gpu, listed),
        },
        "difference": difference.as_json(),
        "difference_with_start_list": compare(photos, cpu, gpu, listed).as_json(),
    }


def _analyses(analyzer: Analyzer, folder: Path, photos: Sequence[Labelled]) -> tuple[list[Any], float]:
    started = time.monotonic()
    results = analyzer.analyze([(folder / photo.name).read_bytes() for photo in photos])
    analyses = []
    for photo, result in zip(photos, results, strict=True):
        if not isinstance(result, AnalyzedPhoto):
            raise SystemExit(f"{photo.name}: {result}")
        analyses.append(result.analysis)
    return analyses, time.monotonic() - started


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1])), indent=1))
