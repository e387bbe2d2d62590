"""A bib detector provided by the operator: a YOLO network in an ONNX file, as Ultralytics and others export it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.resizing import resized
from photofinish.analysis.models.detections import suppress_overlaps
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.selection import BIB_DETECTOR
from photofinish.analysis.models.session import OrtSession, Session
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.bib_window import DetectedBib
from photofinish.domain.geometry import Box
from photofinish.errors import Misconfigured

DEFAULT_SIDE = 640
# A superfluous window costs some time, a missing one a number; the file's metadata may set another score.
DEFAULT_MIN_SCORE = 0.25
MIN_SCORE_KEY = "min_score"
# The grey that networks are trained with around a picture of another shape.
_PADDING = 114
_REQUIREMENTS = (
    "It must be a YOLO detector with one input (1, 3, H, W) float32 and one output, (1, 4 + classes, N) or, with "
    "suppression inside, (1, N, 6)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BibDetectorInput:
    """Size of the network's input, and which of its detections count."""

    width: int
    height: int
    min_score: float
    classes: frozenset[int] | None
    """The classes that are bibs; None means all."""


class BibDetector:
    """Finds bibs, without reading them. Threads may share it."""

    def __init__(self, session: Session, expects: BibDetectorInput) -> None:
        self._session = session
        self._expects = expects

    @classmethod
    def load(cls, file: ModelFile, settings: ModelSettings) -> BibDetector:
        """Load the file and run it once, so that a wrong file is found now.

        Raises:
            Misconfigured: ONNX Runtime cannot run the file, or it is not a bib detector.
        """
        session = OrtSession(file, settings)
        try:
            expects = _expectations(session.input_shape, session.input_type, session.metadata)
            detector = cls(session, expects)
            outputs = session.probe(np.zeros((1, 3, expects.height, expects.width), np.float32))
            _check_output(outputs, session.metadata)
        except _Unsuitable as reason:
            raise Misconfigured(f"{BIB_DETECTOR}: {file.path} {reason}. {_REQUIREMENTS}") from None
        return detector

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[DetectedBib, ...]]:
        """Find the bibs of each (H, W, 3) BGR image, best first."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: NDArray[np.uint8]) -> tuple[DetectedBib, ...]:
        expects = self._expects
        batch, scale, left, top = letterboxed(image, expects.width, expects.height)
        (output,) = self._session.run(batch).values()
        boxes, scores = decoded(output, expects.min_score, expects.classes)
        height, width = image.shape[:2]
        found = []
        for (x, y, w, h), score in zip(boxes.tolist(), scores.tolist(), strict=True):
            x0, y0 = max(0.0, (x - left) / scale), max(0.0, (y - top) / scale)
            x1, y1 = min(float(width), (x + w - left) / scale), min(float(height), (y + h - top) / scale)
            if x1 > x0 and y1 > y0:
                box = Box.from_pixels(x0, y0, x1 - x0, y1 - y0, width=width, height=height)
                found.append(DetectedBib(box=box, score=min(1.0, score)))
        return tuple(found)


def letterboxed(image: NDArray[np.uint8], width: int, height: int) -> tuple[NDArray[np.float32], float, int, int]:
    """Centre a (H, W, 3) BGR image on grey: a (1, 3, height, width) batch, RGB 0–1, then its scale, left and top."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    canvas = np.full((height, width, 3), _PADDING, np.uint8)
    canvas[top : top + size[1], left : left + size[0]] = resized(image, *size)
    batch = np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[np.newaxis], np.float32) / np.float32(255)
    return batch, scale, left, top


def decoded(
    output: NDArray[np.float32], min_score: float, classes: frozenset[int] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Convert the output for one picture to (N, 4) boxes x, y, w, h in its pixels and (N,) scores, best first.

    Rows of (1, N, 6) are corners, score and class; columns of (1, 4 + classes, N) are centre, size and class scores.
    """
    if _is_end_to_end(output):
        rows = output[0]
        corners, scores, kinds = rows[:, :4], rows[:, 4], rows[:, 5].round().astype(np.intp)
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    else:
        columns = output[0]
        by_class = columns[4:]
        kinds, scores = by_class.argmax(axis=0), by_class.max(axis=0)
        centre, size = columns[:2].T, columns[2:4].T
        boxes = np.concatenate([centre - size / 2, size], axis=1)
    counts = scores >= min_score
    if classes is not None:
        counts &= np.isin(kinds, list(classes))
    boxes, scores = boxes[counts], scores[counts]
    kept = suppress_overlaps(boxes, scores)
    return boxes[kept], scores[kept]


class _Unsuitable(Exception):
    """Why a file is not a bib detector, as half a sentence."""


def _expectations(shape: Sequence[object], kind: str, metadata: Mapping[str, str]) -> BibDetectorInput:
    """Read the input's shape (a name or None is a free size) and the file's metadata."""
    if len(shape) != 4 or shape[1] != 3 or kind != "tensor(float)":
        raise _Unsuitable(f"takes {kind} of shape {list(shape)}")
    if isinstance(shape[0], int) and shape[0] != 1:
        raise _Unsuitable(f"requires {shape[0]} pictures at once")
    height, width = (side if isinstance(side, int) and side > 0 else DEFAULT_SIDE for side in shape[2:])
    try:
        min_score = float(metadata.get(MIN_SCORE_KEY, DEFAULT_MIN_SCORE))
    except ValueError:
        min_score = -1.0
    if not 0 < min_score <= 1:
        raise _Unsuitable(f"has {MIN_SCORE_KEY} {metadata[MIN_SCORE_KEY]!r} in its metadata, which is not 0 to 1")
    return BibDetectorInput(width=width, height=height, min_score=min_score, classes=_bib_classes(_names(metadata)))


def _names(metadata: Mapping[str, str]) -> dict[int, str]:
    """Class → name, as Ultralytics writes them; empty if the file has none."""
    text = metadata.get("names", "{}")
    try:
        names = ast.literal_eval(text)
        return {int(number): str(name) for number, name in dict(names).items()}
    except (ValueError, SyntaxError, TypeError):
        raise _Unsuitable(f"has unreadable class names in its metadata: {text[:60]!r}") from None


def _bib_classes(names: Mapping[int, str]) -> frozenset[int] | None:
    if len(names) <= 1:
        return None
    bibs = frozenset(number for number, name in names.items() if "bib" in name.lower() or "number" in name.lower())
    if not bibs:
        raise _Unsuitable(f"has {len(names)} classes, none of which is called bib or number")
    return bibs


def _is_end_to_end(output: NDArray[np.float32]) -> bool:
    return int(output.shape[2]) == 6


def _check_output(outputs: Mapping[str, NDArray[np.float32]], metadata: Mapping[str, str]) -> None:
    shapes = [tuple(output.shape) for output in outputs.values()]
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][0] != 1:
        raise _Unsuitable(f"has outputs {' and '.join(map(str, shapes))}")
    (output,) = outputs.values()
    names = _names(metadata)
    if not _is_end_to_end(output) and (output.shape[1] < 5 or (names and output.shape[1] != 4 + len(names))):
        raise _Unsuitable(f"has output {shapes[0]} for {len(names) or 'unnamed'} classes")
