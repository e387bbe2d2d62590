"""Large pictures with many faces of a known size, composed of pictures of installed packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_detection import FaceDetector
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings
from support.pictures import BgrImage, astronaut, group


class PixelCounter(OrtSession):
    """A face detection session that counts the pixels it sees."""

    def __init__(self, settings: ModelSettings, *, second_passes: bool) -> None:
        """`second_passes`: whether those over single faces count."""
        super().__init__(model_for("face_detection"), settings)
        self.pixels = 0
        self._second_passes = second_passes

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        if self._second_passes or batch.shape[2:] != (128, 128):
            self.pixels += batch.shape[0] * batch.shape[2] * batch.shape[3]
        return super().run(batch)


@dataclass(frozen=True)
class Portrait:
    """A face and its surroundings, its centre, and √(width × height) of its box."""

    pixels: BgrImage
    middle: tuple[float, float]
    size_px: float

    def of_size(self, size_px: float) -> Portrait:
        scale = size_px / self.size_px
        pixels = cv2.resize(
            self.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        )
        return Portrait(pixels.astype(np.uint8), (self.middle[0] * scale, self.middle[1] * scale), size_px)


def portraits(detector: FaceDetector) -> list[Portrait]:
    """Seven people."""
    found = []
    for image in (astronaut(), group()):
        (faces,) = detector.detect([image])
        for x, y, w, h in faces.boxes.tolist():
            left, top = max(0, round(x - w / 2)), max(0, round(y - h / 2))
            part = image[top : round(y + h * 1.5), left : round(x + w * 1.5)]
            found.append(Portrait(part, (x + w / 2 - left, y + h / 2 - top), (w * h) ** 0.5))
    return found


@dataclass(frozen=True)
class Crowd:
    """A picture and its faces: (x, y) of the middle and √(width × height), in pixels."""

    picture: BgrImage
    faces: list[tuple[float, float, float]]

    def found_once(self, boxes: NDArray[np.float32]) -> list[int]:
        """How often each face is among (N, 4) found boxes."""
        middles = boxes[:, :2] + boxes[:, 2:] / 2
        return [int((np.hypot(*(middles - (x, y)).T) < 0.4 * size).sum()) for x, y, size in self.faces]


def crowd(people: Sequence[Portrait], width: int, height: int, sizes: Sequence[float], *, seed: int = 0) -> Crowd:
    """People of these sizes, one after another in rows, on a cloudy background."""
    random = np.random.default_rng(seed)
    clouds = random.integers(60, 200, (height // 40, width // 40, 3)).astype(np.uint8)
    picture = cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    faces = []
    left, top, lowest = 0, 0, 0
    for index, size in enumerate(sizes):
        person = people[index % len(people)].of_size(size)
        rows, columns = person.pixels.shape[:2]
        if left + columns > width:
            left, top, lowest = 0, lowest, lowest
        if top + rows > height:
            break
        picture[top : top + rows, left : left + columns] = person.pixels
        faces.append((left + person.middle[0], top + person.middle[1], size))
        left, lowest = left + columns + int(random.integers(0, 40)), max(lowest, top + rows)
    return Crowd(picture, faces)
