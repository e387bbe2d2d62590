"""Everything that is written in photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.bib import TextLine
from photofinish.domain.geometry import Box
from photofinish.models.catalogue import model_for
from photofinish.models.session import OrtSession
from photofinish.models.settings import ModelSettings
from photofinish.models.text_detection import TextDetector
from photofinish.models.text_recognition import TextRecognizer, cut_line

MIN_SCORE = 0.5


class TextReader:
    """Detection and recognition of text. Safe to use from several threads."""

    def __init__(self, detector: TextDetector, recognizer: TextRecognizer) -> None:
        self._detector = detector
        self._recognizer = recognizer

    @classmethod
    def load(cls, settings: ModelSettings) -> TextReader:
        """Load the catalogue's models.

        Raises:
            Misconfigured: a model file or a provider is missing.
        """
        return cls(
            TextDetector(OrtSession(model_for("text_detection"), settings)),
            TextRecognizer(OrtSession(model_for("text_recognition"), settings)),
        )

    def read(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[TextLine, ...]]:
        """The lines of each (H, W, 3) BGR image that were read with a score of at least 0.5, from top to bottom.

        Lines of all images are recognised together.
        """
        corners = self._detector.detect(images)
        crops = [cut_line(image, quad) for image, quads in zip(images, corners, strict=True) for quad in quads]
        lines = iter(self._recognizer.recognize(crops))
        result = []
        for image, quads in zip(images, corners, strict=True):
            read = [(quad, next(lines)) for quad in quads]
            result.append(
                tuple(
                    TextLine(text=line.text.strip(), ocr_score=line.score, box=_bounds(quad, image))
                    for quad, line in read
                    if line.score >= MIN_SCORE and line.text.strip()
                )
            )
        return result


def _bounds(quad: NDArray[np.float32], image: NDArray[np.uint8]) -> Box:
    left, top = (float(value) for value in quad.min(axis=0))
    right, bottom = (float(value) for value in quad.max(axis=0))
    height, width = image.shape[:2]
    return Box.from_pixels(left, top, right - left, bottom - top, width=width, height=height)
