"""The text of photos: read once, and again more closely where a number may be worn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.bib_detection import BibDetector
from photofinish.analysis.models.text_reader import TextReader
from photofinish.analysis.photo_to_analyze import PhotoToAnalyze, timed
from photofinish.domain.bib import TextLine
from photofinish.domain.bib_window import DetectedBib, bib_windows
from photofinish.domain.face import DescribedFace
from photofinish.domain.torso import TorsoWindow, merged_lines, torso_windows


class PhotoText:
    """Threads may share it."""

    def __init__(self, text_reader: TextReader, bib_detector: BibDetector | None) -> None:
        """Without a `bib_detector`, only faces determine where numbers are looked for again."""
        self._text_reader = text_reader
        self._bib_detector = bib_detector

    def lines(
        self, photos: Sequence[PhotoToAnalyze], faces_of: Sequence[tuple[DescribedFace, ...]]
    ) -> list[tuple[TextLine, ...]]:
        """Read the text of each photo, and more closely where its faces and bibs are."""
        images = [photo.image for photo in photos]
        with timed("read", photos):
            lines_of = self._text_reader.read(images)
        windows_of = self._windows_to_reread(photos, faces_of, lines_of)
        with timed("read_torsos", photos):
            reread_of = self._text_reader.read_torsos(images, windows_of)
            lines_of = [merged_lines(lines, reread) for lines, reread in zip(lines_of, reread_of, strict=True)]
        with timed("read_steep", photos):
            steep_of = self._text_reader.read_torsos(images, _windows_to_turn(photos, faces_of, lines_of), turned=True)
            return [merged_lines(lines, steep) for lines, steep in zip(lines_of, steep_of, strict=True)]

    def _windows_to_reread(
        self,
        photos: Sequence[PhotoToAnalyze],
        faces_of: Sequence[tuple[DescribedFace, ...]],
        lines_of: Sequence[tuple[TextLine, ...]],
    ) -> list[tuple[TorsoWindow, ...]]:
        """Where to look for numbers more closely: torsos and detected bibs on which no whole number was read."""
        windows_of = []
        for photo, faces, lines, detected in zip(photos, faces_of, lines_of, self._detect_bibs(photos), strict=True):
            bibs = photo.bibs(lines, faces)
            height, width = photo.image.shape[:2]
            under_faces = torso_windows(faces, bibs, width=width, height=height)
            windows_of.append(under_faces + bib_windows(detected, bibs, width=width, height=height))
        return windows_of

    def weights(self, images: Sequence[NDArray[np.uint8]]) -> list[float]:
        """How much text runs from left to right; text that runs up or down is read, too."""
        weights = []
        for image, lines in zip(images, self._text_reader.read(images), strict=True):
            height, width = image.shape[:2]
            level = [line for line in lines if line.box.w * width > line.box.h * height]
            weights.append(sum(line.ocr_score * len(line.text) for line in level))
        return weights

    def _detect_bibs(self, photos: Sequence[PhotoToAnalyze]) -> list[tuple[DetectedBib, ...]]:
        if self._bib_detector is None:
            return [()] * len(photos)
        with timed("detect_bibs", photos):
            return self._bib_detector.detect([photo.image for photo in photos])


def _windows_to_turn(
    photos: Sequence[PhotoToAnalyze],
    faces_of: Sequence[tuple[DescribedFace, ...]],
    lines_of: Sequence[tuple[TextLine, ...]],
) -> list[tuple[TorsoWindow, ...]]:
    """Where to look for steep numbers: torsos on which no number was read at all."""
    windows_of = []
    for photo, faces, lines in zip(photos, faces_of, lines_of, strict=True):
        height, width = photo.image.shape[:2]
        bibs = photo.bibs(lines, faces)
        windows_of.append(torso_windows(faces, bibs, width=width, height=height, enough_digits=1))
    return windows_of
