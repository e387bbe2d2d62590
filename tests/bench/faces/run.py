"""The cost of face detection by the size and content of a photo; run it on an idle machine.

    python tests/bench/faces/run.py

Prints a table: megapixels that the network sees, milliseconds, milliseconds a megapixel of the photo, and the ratio to
the first pass alone in the same run.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from photofinish.analysis.models.face_detection import LONGEST_SIDE, FaceDetector
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from support.crowds import PixelCounter, crowd, portraits
from support.pictures import BgrImage, group

RUNS = 5
SIZES = ((1280, 886), (2560, 1707), (4000, 3000), (6000, 4000))


def main() -> None:
    cv2.setNumThreads(2)
    seen = PixelCounter(ModelSettings(models_dir=default_models_dir()), second_passes=True)
    detector = FaceDetector(seen)
    people = portraits(detector)
    print(f"{'photo':>24} {'faces':>6} {'seen MP':>8} {'ms':>7} {'ms/MP':>7} {'x first pass':>12}")
    for width, height in SIZES:
        six = cv2.resize(group(), (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
        many = crowd(people, width, height, [48.0] * 5000).picture
        for name, picture in (("six people", six), ("crowd of 48 px", many)):
            megapixels = width * height / 1e6
            milliseconds, first_pass, found, pixels = measured(detector, seen, picture)
            print(
                f"{f'{megapixels:.0f} MP, {name}':>24} {found:>6} {pixels / 1e6:>8.1f} {milliseconds:>7.0f} "
                f"{milliseconds / megapixels:>7.1f} {milliseconds / first_pass:>12.2f}"
            )


def measured(detector: FaceDetector, seen: PixelCounter, picture: BgrImage) -> tuple[float, float, int, int]:
    """Best milliseconds of the detection and of the first pass alone (by turns), faces, pixels that the network saw."""
    scale = min(1.0, LONGEST_SIDE / max(picture.shape))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rows, columns = (side // 32 * 32 for side in small.shape[:2])
    batch = np.ascontiguousarray(small[None, :rows, :columns].transpose(0, 3, 1, 2), np.float32)
    whole, first, found = [], [], 0
    for _ in range(RUNS):
        started = time.perf_counter()
        seen.run(batch)
        first.append(time.perf_counter() - started)
        seen.pixels = 0
        started = time.perf_counter()
        (faces,) = detector.detect([picture])
        whole.append(time.perf_counter() - started)
        found = len(faces)
    return min(whole) * 1000, min(first) * 1000, found, seen.pixels


if __name__ == "__main__":
    main()
