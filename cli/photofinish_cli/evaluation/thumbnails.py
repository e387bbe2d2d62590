"""Small pictures of places in photos, as `data:` addresses: a report that needs no other file."""

from __future__ import annotations

import base64
import functools
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.decoding import decode
from photofinish.errors import RejectedInput
from photofinish_cli.evaluation.results import Crop

FACE_MARGIN, BIB_MARGIN = 0.35, 1.0
_JPEG_QUALITY = 82


class Thumbnailer:
    """Crops photos; keeps the last few in memory, since several crops of one often follow each other."""

    def __init__(self) -> None:
        self._pixels = functools.lru_cache(maxsize=4)(_decoded)

    def of(self, crop: Crop, *, height: int, margin: float, max_aspect: float = 1.6) -> str:
        """A JPEG of `height` pixels around the crop's box, as a `data:` address; empty where there is no picture.

        `margin` widens the box on each side, in units of its longer side; the outside of the photo is left out. Wider
        pictures than `max_aspect` × height are narrowed.
        """
        decoded = self._pixels(crop.path)
        if decoded is None:
            return ""
        pixels, scale = decoded
        rows, columns = pixels.shape[:2]
        box = tuple(edge * scale for edge in crop.box) if crop.box else (0.0, 0.0, float(columns), float(rows))
        around = margin * max(box[2], box[3]) if crop.box else 0.0
        left, right = _within(box[0] - around, box[0] + box[2] + around, columns)
        top, bottom = _within(box[1] - around, box[1] + box[3] + around, rows)
        part = pixels[top:bottom, left:right]
        ratio = height / part.shape[0]
        width = max(1, min(round(part.shape[1] * ratio), round(height * max_aspect)))
        if part.shape[1] * ratio > width:
            ratio = width / part.shape[1]
        size = (max(1, round(part.shape[1] * ratio)), max(1, round(part.shape[0] * ratio)))
        drawn = cv2.resize(part, size, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC)
        _, encoded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def _decoded(path: Path) -> tuple[NDArray[np.uint8], float] | None:
    """The picture, and how many of its pixels one of the photo's is; None where it cannot be decoded."""
    try:
        photo = decode(path.read_bytes())
    except RejectedInput:
        return None
    return photo.image, photo.image.shape[1] / photo.info.width


def _within(start: float, end: float, size: int) -> tuple[int, int]:
    """Whole pixels from `start` to `end` inside a side of `size`; at least one."""
    first = min(max(0, round(start)), size - 1)
    return first, max(first + 1, min(size, round(end)))
