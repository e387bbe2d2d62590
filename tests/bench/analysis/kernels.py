"""How much the Rust kernels speed up the analysis: photos/s with them and with OpenCV instead, by turns in one run.

python tests/bench/analysis/kernels.py PHOTOS [--count N] [--megapixels 12]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from made_photos import enlarged
from run import THREADS, Clock

from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.imaging import resizing, sharpness
from photofinish.analysis.models.settings import ModelSettings, default_models_dir

_REBLUR = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--megapixels", type=float, default=12)
    arguments = parser.parse_args()
    analyzer = Analyzer.load(ModelSettings(models_dir=default_models_dir(), threads=THREADS))
    files = sorted(arguments.photos.glob("*.jpg"))
    with tempfile.TemporaryDirectory() as folder:
        contents = [
            enlarged(file, arguments.megapixels, Path(folder) / file.name).read_bytes()
            for file in files[:: max(1, len(files) // arguments.count)][: arguments.count]
        ]
    analyzer.analyze(contents[:2])
    ours, opencv = Clock(), Clock()
    for start in range(0, len(contents), 4):
        part = contents[start : start + 4]
        ours.timed(lambda part=part: analyzer.analyze(part))  # type: ignore[misc]
        with (
            mock.patch.object(resizing, "shrunk", _shrunk),
            mock.patch.object(sharpness, "photofinish_kernels", _OpenCv),
        ):
            opencv.timed(lambda part=part: analyzer.analyze(part))  # type: ignore[misc]
    print(f"with the kernels {ours.figures(len(contents))}")
    print(f"with OpenCV      {opencv.figures(len(contents))}")
    print(f"ratio of photos/s {opencv.wall_s / ours.wall_s:.3f}, of processor time {opencv.cpu_s / ours.cpu_s:.3f}")


def _shrunk(image: Any, width: int, height: int) -> Any:
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


class _OpenCv:
    """The results of the sharpness kernels, computed by OpenCV and NumPy."""

    @staticmethod
    def laplacian_variance(gray: Any) -> float:
        return float(cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))[1][0, 0] ** 2)

    @staticmethod
    def reblur_sharpness(gray: Any) -> float:
        image = gray.astype(np.float32)
        lost = []
        for axis, size in ((0, (1, _REBLUR)), (1, (_REBLUR, 1))):
            change = np.abs(np.diff(image, axis=axis))
            blurred = np.abs(np.diff(cv2.blur(image, size), axis=axis))
            total = float(change.sum())
            lost.append(float(np.maximum(change - blurred, 0).sum()) / total if total else 0.0)
        return min(lost)

    @staticmethod
    def reblur_sharpness_batch(chips: Any) -> Any:
        return np.array([_OpenCv.reblur_sharpness(chip) for chip in chips])


if __name__ == "__main__":
    main()
