"""Reads the text in photos."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.paddle_models import PaddleModels
from photofinish.analysis.models.paddle_reading import load_paddle
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.text_detection import TextDetector
from photofinish.analysis.models.text_recognition import (
    ReadLine,
    TextRecognizer,
    cut_line,
    readings_of,
    sides_of,
    tilt_deg,
)
from photofinish.domain.bib import TextLine
from photofinish.domain.geometry import Box, Quad
from photofinish.domain.torso import TorsoWindow

MIN_SCORE = 0.5
# Torsos are read at the scale at which their face has this size: on race photos 64 finds fewer numbers.
FACE_PX = 96
# A line this close to its window's edge, in pixels of the scaled window, is cut off by it.
CUT_MARGIN_PX = 3
# Lines tilted by less count as upright: their box is hardly higher than they are.
TILTED_DEG = 5.0
# Of several directions to read a line in, one that gives digits only is preferred by so much of its score.
DIGITS_ONLY = 0.05


class LineDetector(Protocol):
    """Finds lines of text. Threads may share it."""

    def detect(
        self, images: Sequence[NDArray[np.uint8]], scales: Sequence[float] | None = None
    ) -> list[NDArray[np.float32]]:
        """See :meth:`photofinish.analysis.models.text_detection.TextDetector.detect`."""
        ...


class LineRecognizer(Protocol):
    """Reads crops of single lines. Threads may share it."""

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> list[ReadLine]:
        """The text of each (H, W, 3) BGR crop, in order."""
        ...


class TextReader:
    """Detects and recognises lines of text. Threads may share it."""

    def __init__(self, detector: LineDetector, recognizer: LineRecognizer) -> None:
        self._detector = detector
        self._recognizer = recognizer

    @classmethod
    def load(cls, settings: ModelSettings) -> TextReader:
        """Load the catalogue's models, or PaddleOCR with the models in the settings.

        Raises:
            Misconfigured: a model file, a provider or a package is missing.
        """
        if paddle := PaddleModels.of(settings):
            return cls(*load_paddle(paddle, settings))
        return cls(
            TextDetector(OrtSession(model_for("text_detection"), settings)),
            TextRecognizer(OrtSession(model_for("text_recognition"), settings)),
        )

    def read(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[TextLine, ...]]:
        """Read the lines of each (H, W, 3) BGR image, from top to bottom; those with a score below 0.5 are dropped.

        Lines of all images are recognised together.
        """
        return self._recognize(images, self._detector.detect(images))

    def read_torsos(
        self, images: Sequence[NDArray[np.uint8]], windows_of: Sequence[Sequence[TorsoWindow]], *, turned: bool = False
    ) -> list[tuple[TextLine, ...]]:
        """As :meth:`read`, but only in each image's windows, at the scale at which the face has `FACE_PX` pixels.

        A line that its window cuts off is dropped; one in several windows is returned several times. Windows of all
        images are processed together. `turned`: the windows are turned by 90 degrees first, and only lines are read
        that are horizontal then: the detector hardly sees steep lines as they are.
        """
        windows = [(position, window) for position, windows in enumerate(windows_of) for window in windows]
        parts = [
            images[position][window.top : window.bottom, window.left : window.right] for position, window in windows
        ]
        if turned:
            parts = [np.ascontiguousarray(np.rot90(part)) for part in parts]
        found = self._detector.detect(parts, [FACE_PX / window.face_px for _, window in windows])
        corners: list[list[NDArray[np.float32]]] = [[] for _ in images]
        for (position, window), quads in zip(windows, found, strict=True):
            height, width = images[position].shape[:2]
            placed = _turned_back(quads, window.right - window.left) if turned else quads
            shifted = placed + np.array([window.left, window.top], np.float32)
            corners[position] += [quad for quad in shifted if not _is_cut(quad, window, width, height)]
        return self._recognize(images, corners)

    def _recognize(
        self,
        images: Sequence[NDArray[np.uint8]],
        corners: Sequence[Sequence[NDArray[np.float32]] | NDArray[np.float32]],
    ) -> list[tuple[TextLine, ...]]:
        readings = [[readings_of(np.asarray(quad, np.float32)) for quad in quads] for quads in corners]
        crops = [
            cut_line(image, reading)
            for image, quads in zip(images, readings, strict=True)
            for quad in quads
            for reading in quad
        ]
        read = iter(self._recognizer.recognize(crops))
        result = []
        for image, quads in zip(images, readings, strict=True):
            best = [max(((next(read), reading) for reading in quad), key=_likelihood) for quad in quads]
            lines = [_text_line(line, reading, image) for line, reading in best]
            result.append(tuple(line for line in lines if line.ocr_score >= MIN_SCORE and line.text))
        return result


def _likelihood(candidate: tuple[ReadLine, NDArray[np.float32]]) -> float:
    """How likely a line is read in the right direction: upside down, 87 is L8 and just as clear."""
    line, _ = candidate
    return line.score + (DIGITS_ONLY if line.text.isdigit() else 0.0)


def _text_line(line: ReadLine, corners: NDArray[np.float32], image: NDArray[np.uint8]) -> TextLine:
    text = line.text.strip()
    start = line.text.find(text)
    return TextLine(
        text=text,
        ocr_score=line.score,
        box=_bounds(corners, image),
        quad=_quad(corners, image) if tilt_deg(corners) >= TILTED_DEG else None,
        digit_probabilities=line.digit_probabilities[start : start + len(text)],
    )


def _quad(corners: NDArray[np.float32], image: NDArray[np.uint8]) -> Quad:
    height, width = image.shape[:2]
    return Quad(*((float(x) / width, float(y) / height) for x, y in corners))


def _is_cut(quad: NDArray[np.float32], window: TorsoWindow, width: int, height: int) -> bool:
    """Whether a line touches an edge of its window that is not the photo's edge."""
    margin = CUT_MARGIN_PX * window.face_px / FACE_PX
    left, top = quad.min(axis=0)
    right, bottom = quad.max(axis=0)
    return bool(
        (window.left > 0 and left < window.left + margin)
        or (window.top > 0 and top < window.top + margin)
        or (window.right < width and right > window.right - margin)
        or (window.bottom < height and bottom > window.bottom - margin)
    )


def _turned_back(quads: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Where the lines that lie in a window turned by `np.rot90` lie in the window itself, `width` pixels wide.

    Lines that are columns in the turned window are left out: they are horizontal in the photo.
    """
    lying = [quad for quad in quads if operator.ge(*sides_of(quad))]
    turned = np.array(lying, np.float32).reshape(-1, 4, 2)
    return np.stack([width - 1 - turned[..., 1], turned[..., 0]], axis=-1)


def _bounds(quad: NDArray[np.float32], image: NDArray[np.uint8]) -> Box:
    left, top = (float(value) for value in quad.min(axis=0))
    right, bottom = (float(value) for value in quad.max(axis=0))
    height, width = image.shape[:2]
    return Box.from_pixels(left, top, right - left, bottom - top, width=width, height=height)
