"""Lines and words of a picture in the protocol's shapes.

The text models read whole lines, so the box of a word is an estimate: its share of the line's width is its share of the
line's characters. A word has its line's confidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import model_for
from photofinish.domain.bib import TextLine
from photofinish.domain.geometry import Box
from photofinish_functions.rekognition.answers import box_json, percent, polygon_json
from photofinish_functions.rekognition.errors import invalid_parameter

MAX_WORDS: Final = 100
TEXT_MODEL_VERSION: Final = model_for("text_recognition").version
_DEFAULT_MIN_CONFIDENCE: Final = 80.0
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFilters:
    """The filters of a request; by default every word passes."""

    min_confidence: float = 0.0
    min_height: float = 0.0
    min_width: float = 0.0
    regions: tuple[NDArray[np.float32], ...] = ()
    """(N, 2) corners each, as fractions; the centre of a word must lie in one of them."""

    @classmethod
    def of(cls, filters: Mapping[str, Any]) -> Self:
        """Read the member `Filters` of a request, a checked structure.

        Raises:
            RekognitionError: InvalidParameterException, a region is malformed.
        """
        words = filters.get("WordFilter")
        regions = tuple(_region(region) for region in filters.get("RegionsOfInterest", ()))
        if words is None:
            return cls(regions=regions)
        return cls(
            min_confidence=words.get("MinConfidence", _DEFAULT_MIN_CONFIDENCE),
            min_height=words.get("MinBoundingBoxHeight", 0.0),
            min_width=words.get("MinBoundingBoxWidth", 0.0),
            regions=regions,
        )

    def accept(self, box: Box, confidence: float) -> bool:
        """Whether a word passes; `confidence` is 0 to 100."""
        return (
            confidence >= self.min_confidence
            and box.h >= self.min_height
            and box.w >= self.min_width
            and (not self.regions or any(_is_inside(_centre(box), region) for region in self.regions))
        )


def text_detections(lines: Sequence[TextLine], filters: TextFilters) -> list[dict[str, Any]]:
    """Return `TextDetections`: lines with a word that passes, numbered from 0, then those words, at most 100."""
    kept: list[tuple[TextLine, list[tuple[str, Box]]]] = []
    room = MAX_WORDS
    for line in lines:
        confidence = percent(line.ocr_score)
        words = [(text, box) for text, box in words_of(line) if filters.accept(box, confidence)][:room]
        if words:
            kept.append((line, words))
            room -= len(words)
    detections = [
        _detection(line.text, "LINE", number, line.ocr_score, line.box) for number, (line, _) in enumerate(kept)
    ]
    for parent, (line, words) in enumerate(kept):
        for text, box in words:
            word = _detection(text, "WORD", len(detections), line.ocr_score, box)
            detections.append(word | {"ParentId": parent})
    return detections


def words_of(line: TextLine) -> Iterator[tuple[str, Box]]:
    """Yield the words of a line with their boxes, estimated as if all characters were equally wide."""
    per_character = line.box.w / max(1, len(line.text))
    for word in _WORD.finditer(line.text):
        left, right = word.start() * per_character, word.end() * per_character
        yield word.group(), Box(line.box.x + left, line.box.y, right - left, line.box.h)


def _detection(text: str, kind: str, number: int, score: float, box: Box) -> dict[str, Any]:
    corners = [(box.x, box.y), (box.x + box.w, box.y), (box.x + box.w, box.y + box.h), (box.x, box.y + box.h)]
    return {
        "DetectedText": text,
        "Type": kind,
        "Id": number,
        "Confidence": percent(score),
        "Geometry": {"BoundingBox": box_json(box), "Polygon": polygon_json(corners)},
    }


def _region(region: Mapping[str, Any]) -> NDArray[np.float32]:
    if ("BoundingBox" in region) == ("Polygon" in region):
        raise invalid_parameter("A region of interest has either a BoundingBox or a Polygon")
    if "Polygon" in region:
        polygon = region["Polygon"]
        if len(polygon) < 3 or any(not {"X", "Y"} <= point.keys() for point in polygon):
            raise invalid_parameter("A Polygon has at least 3 points with X and Y")
        return np.array([(point["X"], point["Y"]) for point in polygon], np.float32)
    box = region["BoundingBox"]
    if not {"Left", "Top", "Width", "Height"} <= box.keys() or box["Width"] <= 0 or box["Height"] <= 0:
        raise invalid_parameter("The BoundingBox of a region has Left, Top, and a Width and Height above 0")
    left, top, right, bottom = box["Left"], box["Top"], box["Left"] + box["Width"], box["Top"] + box["Height"]
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def _centre(box: Box) -> tuple[float, float]:
    return box.x + box.w / 2, box.y + box.h / 2


def _is_inside(point: tuple[float, float], region: NDArray[np.float32]) -> bool:
    return cv2.pointPolygonTest(region, point, measureDist=False) >= 0
