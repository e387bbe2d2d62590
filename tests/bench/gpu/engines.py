"""How long a task takes to start: models loaded and a photo analysed, with TensorRT's engines built or already there.

python -m bench.gpu.engines TARGET MODELS ENGINES PHOTO      prints the seconds; started by check.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.gpu.figures import Figure, at_most
from bench.gpu.targets import Target
from photofinish.analysis.analyzer import AnalyzedPhoto

MAX_WARM_S = 60.0
"""A task is billed while it starts."""


def starts(name: str, models: Path, engines: Path, photo: Path, within_s: float) -> Iterator[Figure]:
    """Start a process on the target `name`, and with TensorRT another one that finds the engines of the first."""
    part = f"start {name}"
    command = [sys.executable, "-m", "bench.gpu.engines", name, str(models), str(engines), str(photo)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    runs = ("engines built", "engines there") if name == "tensorrt" else ("models loaded",)
    deadline = time.monotonic() + within_s
    for run in runs:
        try:
            left_s = max(1.0, deadline - time.monotonic())
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=left_s, check=False)
        except subprocess.TimeoutExpired as late:
            yield Figure(
                part=part, name=run, skipped=f"not ready after {late.timeout:.0f} s, all the time that was left"
            )
            return
        if done.returncode != 0:
            yield Figure(part=part, name=run, passed=False, note=done.stderr.strip()[-300:])
            return
        seconds = float(done.stdout.split()[-1])
        if run == "engines built":
            size_mb = sum(file.stat().st_size for file in engines.rglob("*") if file.is_file()) / 1e6
            yield Figure(part=part, name=run, value=seconds, unit="s", note=f"{size_mb:.0f} MB of engines")
        else:
            yield at_most(part, run, seconds, MAX_WARM_S, "s")


def main() -> None:
    name, models, engines, photo = sys.argv[1:]
    began = time.perf_counter()
    [result] = Target.on(name, Path(models), 1, Path(engines)).analyzer.analyze([Path(photo).read_bytes()])
    assert isinstance(result, AnalyzedPhoto), result
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
