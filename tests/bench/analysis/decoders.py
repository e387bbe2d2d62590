"""What decoding in separate processes costs: the analysis with them and without, by turns in one run.

    python tests/bench/analysis/decoders.py PHOTOS [--count 24] [--megapixels 12] [--json FILE]

The bar: the analysis keeps 95 % of its photos/s. Selfies and single photos are compared, too. Other load on the machine
slows both sides, so the ratio of processor time, children included, is reported beside that of the clock.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import cv2
import psutil
from made_photos import enlarged

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.analysis.imaging.decoded import DecodedPhoto, Limits
from photofinish.analysis.imaging.decoding import decode
from photofinish.analysis.models.building import build
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.application.pictures import SELFIE_LIMITS

_BAR = 0.95
_TURN = 8
_REPEATS = 15


class HereDecoders:
    """Decodes in this process, as before there were decoder processes."""

    def decode(self, content: bytes, *, limits: Limits | None = None) -> DecodedPhoto:
        return decode(content, limits=limits or Limits())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    settings = ModelSettings(models_dir=default_models_dir())
    build(settings.models_dir)
    files = sorted(arguments.photos.glob("*.jpg"))[: arguments.count]
    with tempfile.TemporaryDirectory() as folder:
        contents = [
            enlarged(file, arguments.megapixels, Path(folder) / file.name).read_bytes()
            if arguments.megapixels
            else file.read_bytes()
            for file in files
        ]
    analyzer = Analyzer.load(settings)
    boxed, here = analyzer.decoders, HereDecoders()
    result: dict[str, Any] = {"analysis": analysis(analyzer, boxed, here, contents)}
    result["one_photo"] = latency(contents[0], boxed, here, Limits())
    selfie = cv2.imencode(".jpg", cv2.resize(cv2.imread(str(files[0])), (3024, 4032)))[1].tobytes()
    result["one_selfie"] = latency(selfie, boxed, here, SELFIE_LIMITS)
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


def analysis(analyzer: Analyzer, boxed: DecoderPool, here: HereDecoders, contents: list[bytes]) -> dict[str, Any]:
    sides = {"boxed": boxed, "here": cast("DecoderPool", here)}
    wall, cpu = dict.fromkeys(sides, 0.0), dict.fromkeys(sides, 0.0)
    for side in sides.values():  # both warm
        analyzer.decoders = side
        analyzer.analyze(contents[:2])
    for start in range(0, len(contents), _TURN):
        order = list(sides) if (start // _TURN) % 2 else list(sides)[::-1]
        for name in order:
            analyzer.decoders = sides[name]
            began, cpu_before = time.perf_counter(), processor_s()
            results = analyzer.analyze(contents[start : start + _TURN])
            wall[name] += time.perf_counter() - began
            cpu[name] += processor_s() - cpu_before
            assert all(isinstance(one, AnalyzedPhoto) for one in results)
    return {
        "photos": len(contents),
        "photos_per_s": {name: round(len(contents) / seconds, 3) for name, seconds in wall.items()},
        "cpu_ms_per_photo": {name: round(seconds * 1000 / len(contents)) for name, seconds in cpu.items()},
        "ratio_of_photos_per_s": round(wall["here"] / wall["boxed"], 3),
        "ratio_by_processor_time": round(cpu["here"] / cpu["boxed"], 3),
        "bar": _BAR,
    }


def latency(content: bytes, boxed: DecoderPool, here: HereDecoders, limits: Limits) -> dict[str, float]:
    def median_ms(work: Callable[[], object]) -> float:
        times = []
        for _ in range(_REPEATS):
            began = time.perf_counter()
            work()
            times.append((time.perf_counter() - began) * 1000)
        return round(statistics.median(times), 1)

    return {
        "here_ms": median_ms(lambda: here.decode(content, limits=limits)),
        "boxed_ms": median_ms(lambda: boxed.decode(content, limits=limits)),
    }


def processor_s() -> float:
    """Processor time of this process and its decoders."""
    this = psutil.Process()
    times = [this.cpu_times(), *(child.cpu_times() for child in this.children())]
    return sum(one.user + one.system for one in times)


if __name__ == "__main__":
    main()
