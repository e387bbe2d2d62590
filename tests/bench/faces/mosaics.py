"""Which faces are missed in large crowds: race photos side by side in one picture, compared with each photo alone.

    python tests/bench/faces/mosaics.py FOLDER [--crowd-hints 4,1000]

Prints for pictures of 4 to 24 MP the share of faces found again by their size in pixels, faces found only in the large
picture, megapixels that the network saw, and milliseconds. `--crowd-hints` compares values of `CROWD_HINTS` by turns:
with 1000 nothing is a crowd, so nothing is examined up to full scale.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).parents[2]))

from photofinish.analysis.models import face_detection
from photofinish.analysis.models.face_detection import FaceDetector
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from support.crowds import PixelCounter
from support.pictures import BgrImage

SIZES = ((2560, 1707), (3600, 2400), (4000, 3000), (5100, 3400), (6000, 4000))
STEPS = (16, 20, 24, 32, 48, 10_000)


@dataclass(frozen=True)
class Mosaic:
    """A picture and the faces found in its parts alone: (N, 3) x and y of the centre, √(width × height)."""

    picture: BgrImage
    faces: np.ndarray


def main(folder: Path, crowd_hints: Annotated[str, typer.Option()] = "") -> None:
    cv2.setNumThreads(2)
    seen = PixelCounter(ModelSettings(models_dir=default_models_dir()), second_passes=False)
    detector = FaceDetector(seen)
    photos = [cv2.imread(str(path)) for path in sorted(folder.glob("*.jpg"))]
    singles = [as_points(detector.detect([photo])[0].boxes) for photo in photos]
    variants = [int(value) for value in crowd_hints.split(",") if value] or [face_detection.CROWD_HINTS]
    bands = [f"{low}–{high}" for low, high in itertools.pairwise(STEPS[:-1])] + [f"{STEPS[-2]}+"]
    print(f"{'picture':>10} {'hints':>6} " + " ".join(f"{band:>14}" for band in bands) + "  extra  seen MP      ms")
    for width, height in SIZES:
        mosaics = list(side_by_side(photos, singles, width, height))
        for variant, line in measured(detector, seen, mosaics, variants):
            print(f"{width:>5}×{height} {variant:>6} {line}", flush=True)


def side_by_side(
    photos: Sequence[BgrImage], singles: Sequence[np.ndarray], width: int, height: int
) -> Iterator[Mosaic]:
    """Arrange all photos in pictures; the last picture is dropped if it is less than half full."""
    remaining = list(zip(photos, singles, strict=True))
    while remaining:
        picture, faces = np.full((height, width, 3), 110, np.uint8), [np.zeros((0, 3))]
        left = top = row_height = 0
        while remaining:
            photo, points = remaining[0]
            rows, columns = photo.shape[:2]
            if left + columns > width:
                left, top, row_height = 0, top + row_height, 0
            if top + rows > height:
                break
            picture[top : top + rows, left : left + columns] = photo
            faces.append(points + np.array([left, top, 0]))
            left, row_height = left + columns, max(row_height, rows)
            remaining.pop(0)
        if remaining or top > height / 2:
            yield Mosaic(picture, np.concatenate(faces))


def measured(
    detector: FaceDetector, seen: PixelCounter, mosaics: Sequence[Mosaic], variants: Sequence[int]
) -> Iterator[tuple[int, str]]:
    hits: dict[int, list[np.ndarray]] = {variant: [] for variant in variants}
    extra, pixels, seconds = (dict.fromkeys(variants, 0.0) for _ in range(3))
    for mosaic in mosaics:
        for variant in variants:
            face_detection.CROWD_HINTS = variant
            seen.pixels = 0
            started = time.perf_counter()
            found = as_points(detector.detect([mosaic.picture])[0].boxes)
            seconds[variant] += time.perf_counter() - started
            pixels[variant] += seen.pixels
            near = np.hypot(*(found[:, None, :2] - mosaic.faces[None, :, :2]).transpose(2, 0, 1))
            hits[variant].append(np.column_stack([mosaic.faces[:, 2], (near < 0.4 * mosaic.faces[:, 2]).any(axis=0)]))
            extra[variant] += int((near >= 0.4 * mosaic.faces[:, 2]).all(axis=1).sum())
    for variant in variants:
        rows = np.concatenate(hits[variant])
        cells = []
        for low, high in itertools.pairwise(STEPS):
            band = rows[(rows[:, 0] >= low) & (rows[:, 0] < high), 1]
            cells.append(f"{f'{band.mean():.3f} of {len(band)}' if len(band) else '–':>14}")
        mean = 1 / len(mosaics)
        tail = (
            f"{extra[variant] * mean:>7.1f} {pixels[variant] * mean / 1e6:>8.1f} {seconds[variant] * mean * 1000:>7.0f}"
        )
        yield variant, " ".join(cells) + tail


def as_points(boxes: np.ndarray) -> np.ndarray:
    return np.column_stack([boxes[:, :2] + boxes[:, 2:] / 2, np.sqrt(boxes[:, 2] * boxes[:, 3])])


if __name__ == "__main__":
    typer.run(main)
