"""One report of the analysis on this machine's GPU, in at most eight minutes: `make gpu-check DATA=folder of photos`.

    cd tests && python -m bench.gpu.check PHOTOS [--models DIR] [--json FILE] [--minutes 8]

Parity of every model and of whole photos (CPU, CUDA, TensorRT), photos a second by stage and what bounds them,
decoding on CPU and with nvJPEG, batch sizes, memory over 2,000 photos of varying shapes, and starts. Parts that lack
something or for which no time is left say so. PHOTOS is a folder of JPEGs, with the numbers in them in labels.json.

Without a CUDA device every part runs on the CPU instead, with a few photos and no goals: that tests this script.

Exit status: 0 every bar is passed, 1 one is not, 2 wrong arguments, 3 there is no CUDA device and nothing failed.

A machine without network: see pack.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import onnxruntime
import simplejpeg

from bench.gpu import engines, memory, parity, speed
from bench.gpu.effort import ON_CPU, ON_GPU
from bench.gpu.figures import Figure, as_json, as_table, exit_status, failed
from bench.gpu.targets import Target
from photofinish.analysis.models.nvidia import CUDA, TENSORRT, load_libraries, obstacle, this_machine
from photofinish.analysis.models.providers import runtime_report
from photofinish.analysis.models.settings import default_models_dir

_LAST_S = 20.0  # no part begins with less time left
_AFTER_S = 90.0  # left for what is measured with TensorRT's engines


class Report:
    """Collects the figures of the parts, and prints each when it is there."""

    def __init__(self, minutes: float, only: set[str] | None = None) -> None:
        """Parts begin for `minutes`; `only` are the parts to run, all by default."""
        self.began = time.monotonic()
        self.figures: list[Figure] = []
        self._end = self.began + 60 * minutes
        self._only = only

    @property
    def left_s(self) -> float:
        return self._end - time.monotonic()

    def add(self, part: str, measure: Callable[[], Iterable[Figure]]) -> None:
        """Run one part; an error is its figure, and costs no other part."""
        if self._only and part.split()[0] not in self._only:
            return
        found = [Figure(part=part, name="", skipped="no time left")]
        if self.left_s > _LAST_S:
            try:
                found = list(measure())
            except Exception as error:  # noqa: BLE001 - a report without one part is better than none
                found = [failed(part, error)]
        self.figures += found
        print(as_table(found).partition("\n")[2], flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--models", type=Path, default=default_models_dir(), help="folder of the built models")
    parser.add_argument("--json", type=Path, help="write the report to this file, too")
    parser.add_argument("--minutes", type=float, default=8, help="when to stop beginning new parts (8)")
    parser.add_argument("--only", help="parts to run, comma separated: parity, speed, …")
    parser.add_argument("--count", type=int, default=150, help="photos of PHOTOS to use (150)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of a task (one for each core)")
    given = parser.parse_args(arguments)
    files = sorted(given.photos.glob("*.jpg"))[: given.count]
    if not files:
        parser.error(f"{given.photos} has no JPEGs (*.jpg)")
    labels_file = given.photos / "labels.json"
    labels = json.loads(labels_file.read_text()) if labels_file.is_file() else {}
    report = Report(given.minutes, set(given.only.split(",")) if given.only else None)
    with tempfile.TemporaryDirectory(prefix="photofinish-engines-") as folder:
        runtime = _measure(
            report, given, files, {name: label["numbers"] for name, label in labels.items()}, Path(folder)
        )
    seconds = time.monotonic() - report.began
    print(f"\n{as_table(report.figures)}\n\n{json.dumps(runtime)}\n{seconds:.0f} s")
    if given.json:
        given.json.write_text(json.dumps(as_json(report.figures, runtime=runtime, seconds=seconds), indent=2) + "\n")
    return exit_status(report.figures, has_gpu=runtime["device"] != "CPU")


def _measure(
    report: Report, given: argparse.Namespace, files: Sequence[Path], labels: dict[str, Sequence[str]], cache: Path
) -> dict[str, Any]:
    """Run all parts, those first that matter most; return what they ran on."""
    photos = {file.name: file.read_bytes() for file in files}
    contents = list(photos.values())
    reference = Target.on("cpu", given.models, given.threads, cache)
    targets, device = _targets(report, given, cache)
    effort = ON_GPU if targets else ON_CPU
    targets = targets or [reference]
    runtime = runtime_report(targets[0].settings)
    camera = [_enlarged(content, effort.camera_megapixels) for content in contents[: effort.camera_photos]]
    inputs = functools.cache(lambda: parity.recorded_inputs(reference.analyzer, contents[: effort.inputs]))
    expected = functools.cache(lambda: parity.numbers_in(reference, photos))
    for one in targets:
        add = functools.partial(_add, report, one)
        if one.name == "tensorrt":
            add("start", lambda one: engines.starts(one.name, given.models, cache, files[0], report.left_s - _AFTER_S))
        add("parity", lambda one: parity.of_models(reference, one, inputs()))
        add("parity", lambda one: parity.of_analyses(expected(), one, photos, labels))
        add(
            "speed",
            lambda one: speed.of_pipeline(
                one, contents, effort, name=f"as they are, batch_size {effort.batch_size}", device=device
            ),
        )
        add("speed", lambda one: speed.of_pipeline(one, camera, effort, name=f"{effort.camera_megapixels} megapixels"))
        if one is targets[0]:
            add("memory", lambda one: memory.over_many_shapes(one, contents, effort))
            add("start", lambda one: engines.starts(one.name, given.models, cache, files[0], report.left_s))
            for name, chosen in (("as they are", contents[:32]), (f"{effort.camera_megapixels} megapixels", camera)):
                measure = functools.partial(speed.of_decoding, name, chosen, given.threads, effort)
                report.add("decode", measure)
            for size in effort.other_batch_sizes:
                of_size = dataclasses.replace(effort, batch_size=size)
                add(
                    "speed",
                    lambda one, e=of_size: speed.of_pipeline(one, contents, e, name=f"batch_size {e.batch_size}"),
                )
        add("batches", lambda one: speed.of_batches(one, effort))
        add("shapes", lambda one: speed.of_shapes(one, effort))
        one.free()
    return runtime


def _add(report: Report, one: Target, part: str, measure: Callable[[Target], Iterable[Figure]]) -> None:
    report.add(f"{part} {one.name}", functools.partial(measure, one))


def _targets(report: Report, given: argparse.Namespace, cache: Path) -> tuple[list[Target], str]:
    """The GPU's providers that work here, and its name; none and no name where there is no GPU."""
    machine = this_machine()
    problem = machine.problem
    if not problem and CUDA not in onnxruntime.get_available_providers():
        problem = f"{onnxruntime.package_name} {onnxruntime.__version__} has no CUDA"
    problem = problem or obstacle(machine, cuda=onnxruntime.cuda_version, missing=load_libraries(onnxruntime, [CUDA]))
    if problem:
        report.figures.append(Figure(part="GPU", name="CUDA, TensorRT", skipped=f"no CUDA device: {problem}"))
        return [], ""
    names = ["cuda"]
    missing = load_libraries(onnxruntime, [TENSORRT])
    if missing:
        report.figures.append(Figure(part="GPU", name="TensorRT", skipped=f"no {', '.join(missing)}"))
    else:
        names.append("tensorrt")
    return [Target.on(name, given.models, given.threads, cache) for name in names], machine.device or ""


def _enlarged(content: bytes, megapixels: int) -> bytes:
    """The photo as large as a camera's file."""
    image = simplejpeg.decode_jpeg(content, colorspace="BGR")
    scale = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return simplejpeg.encode_jpeg(large, quality=92, colorspace="BGR")


if __name__ == "__main__":
    sys.exit(main())
