"""The GPU's memory over photos of many shapes, and that none of them fails for lack of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import simplejpeg

from bench.gpu.effort import Effort
from bench.gpu.figures import Figure, at_most
from bench.gpu.targets import GpuWatch, Target
from photofinish.analysis.analyzer import AnalyzedPhoto

L4_GIB = 22.0
"""What an L4 has, less what the driver takes."""
MAX_GROWTH = 1.1
_SHORTEST, _LONGEST = 320, 1600
_AT_ONCE = 200


def over_many_shapes(target: Target, contents: Sequence[bytes], effort: Effort) -> Iterator[Figure]:
    """Analyse many photos, hardly two of which have one shape."""
    part, photos = f"memory {target.name}", effort.varying_photos
    failures: list[str] = []
    peaks = []
    for half in range(2):
        with GpuWatch() as watch:
            for start in range(0, photos // 2, _AT_ONCE):
                numbers = range(start, min(start + _AT_ONCE, photos // 2))
                made = [cropped(contents, 2 * number + half) for number in numbers]
                results = target.analyzer.analyze(made)
                failures += [str(result) for result in results if not isinstance(result, AnalyzedPhoto)]
        peaks.append(watch.peak_bytes)
    note = f"{photos // 2 * 2} photos" + (f": {failures[0]}" if failures else "")
    yield at_most(part, "photos that fail", len(failures), 0, note=note)
    if not peaks[0]:
        yield Figure(part=part, name="peak", skipped="no CUDA device")
        return
    yield at_most(part, "peak of the GPU's memory", max(peaks) / 2**30, L4_GIB, "GiB", note="an L4 has 22.5 GiB")
    yield at_most(part, "peak of the second half, by the first", peaks[1] / peaks[0], MAX_GROWTH, "×")


def cropped(contents: Sequence[bytes], number: int) -> bytes:
    """Photo `number`: a part of one of the photos at another size, as a JPEG."""
    random = np.random.default_rng(number)
    image = simplejpeg.decode_jpeg(contents[number % len(contents)], colorspace="BGR")
    height, width = image.shape[:2]
    part = image[random.integers(0, height // 3) :, random.integers(0, width // 3) :]
    size = tuple(int(side) for side in random.integers(_SHORTEST, _LONGEST, 2))
    return simplejpeg.encode_jpeg(np.ascontiguousarray(cv2.resize(part, size)), quality=85, colorspace="BGR")
