"""Camera-sized photos, made from small ones when a bench runs; none of them is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

_JPEG_QUALITY = 92


def enlarged(file: Path, megapixels: float, target: Path) -> Path:
    """Enlarge a photo: it shows the same, and costs as much as a camera's file."""
    image = cv2.imread(str(file))
    assert image is not None, file
    scale = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(target), large, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return target


def collage(files: Sequence[Path], number: int, megapixels: float, target: Path, *, columns: int = 4) -> Path:
    """Make a 3:2 picture of `columns` × `columns` photos, chosen by `number`: a crowd of dozens of faces."""
    width = round((megapixels * 1e6 * 1.5) ** 0.5 / columns)
    height = round(width / 1.5)
    rows = []
    for row in range(columns):
        cells = []
        for column in range(columns):
            image = cv2.imread(str(files[(number * 7 + row * columns + column) % len(files)]))
            assert image is not None
            scale = max(width / image.shape[1], height / image.shape[0])
            cell = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            cells.append(cell[:height, :width])
        rows.append(np.hstack(cells))
    cv2.imwrite(str(target), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return target
