"""The models of InsightFace's packs: SCRFD finds faces, ArcFace tells people apart.

What the networks take and answer is decoded here and compared in tests with the classes of the ``insightface`` package.
The package itself is not needed: importing it takes a second of a function's cold start and brings SciPy and
scikit-image, and it requires ``onnxruntime``, beside which ``onnxruntime-gpu`` must not be installed.

Guo et al., "Sample and computation redistribution for efficient face detection", 2021 (SCRFD); Deng et al., "ArcFace:
additive angular margin loss for deep face recognition", 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.resizing import shrunk
from photofinish.analysis.models.batching import batch_size, padded_to_32
from photofinish.analysis.models.face_alignment import CHIP_SIZE
from photofinish.analysis.models.face_detection import LONGEST_SIDE, MAX_ENLARGEMENT, Detections
from photofinish.analysis.models.face_pack import VARIABLE, FacePack
from photofinish.analysis.models.face_tiles import suppress_overlaps
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.session import OrtSession, Session
from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured

# As the insightface package has them: score and overlap that count, and the sides at which it looks at a portrait.
MIN_SCORE = 0.5
MAX_OVERLAP = 0.4
PORTRAIT_SIDE, CLOSE_UP_SIDE = 640, 128
_STRIDES, _ANCHORS = (8, 16, 32), 2
_PROBE_SIDE = 64


def load_pack(pack: FacePack, settings: ModelSettings) -> tuple[ScrfdDetector, ArcFaceEmbedder]:
    """Load both models, and run them once so that others are found out now.

    Raises:
        Misconfigured: ONNX Runtime cannot run a file, or it is another kind of model.
    """
    return ScrfdDetector.load(pack.detection, settings), ArcFaceEmbedder.load(pack, settings)


class ScrfdDetector:
    """Finds the faces of images, each looked at as a whole: small faces of large pictures are not looked for closer."""

    def __init__(self, session: Session, side: int | None) -> None:
        """`side` is that of the network's square input where its file fixes it."""
        self._session = session
        self._fixed_side = side

    @classmethod
    def load(cls, file: ModelFile, settings: ModelSettings) -> ScrfdDetector:
        session = OrtSession(file, settings)
        height, width = session.input_shape[2:] if len(session.input_shape) == 4 else (None, None)
        fixed = height if isinstance(height, int) and height == width else None
        side = fixed or _PROBE_SIDE
        outputs = session.probe(np.zeros((1, 3, side, side), np.float32))
        rows = [_ANCHORS * (side // stride) ** 2 for stride in _STRIDES]
        expected = [count * columns for columns in (1, 4, 10) for count in rows]
        if [output.size for output in outputs.values()] != expected:
            raise Misconfigured(
                f"{VARIABLE}: {file.path} is no SCRFD detector with landmarks: it must answer with scores, boxes and "
                f"five points at strides 8, 16 and 32."
            )
        return cls(session, fixed)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The faces of each (H, W, 3) BGR image, in order, seen at a longest side of 1280 pixels and of 128."""
        return [self._seen_at(image, (LONGEST_SIDE, CLOSE_UP_SIDE)) for image in images]

    def detect_portrait(self, image: NDArray[np.uint8]) -> Detections:
        """The same, seen at 640 pixels and 128."""
        return self._seen_at(image, (PORTRAIT_SIDE, CLOSE_UP_SIDE))

    def _seen_at(self, image: NDArray[np.uint8], sides: Sequence[int]) -> Detections:
        looks = [self._look(image, side) for side in ([self._fixed_side] if self._fixed_side else sides)]
        boxes, points, scores = (np.concatenate(parts) for parts in zip(*looks, strict=True))
        kept = suppress_overlaps(boxes, scores, MAX_OVERLAP)
        boxes, points, scores = boxes[kept], points[kept], scores[kept]
        order = np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3]))
        return Detections(boxes[order], points[order], scores[order], points[order])

    def _look(
        self, image: NDArray[np.uint8], side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Boxes x, y, w, h (N, 4), points (N, 5, 2) and scores (N,) in the image's pixels, overlapping ones too."""
        height, width = image.shape[:2]
        scale = min(side / max(height, width), MAX_ENLARGEMENT)
        fitted = _resized(image, max(1, round(width * scale)), max(1, round(height * scale)))
        canvas_height, canvas_width = (self._fixed_side or padded_to_32(length) for length in fitted.shape[:2])
        canvas = np.zeros((canvas_height, canvas_width, 3), np.uint8)
        canvas[: fitted.shape[0], : fitted.shape[1]] = fitted
        outputs = list(self._session.run(_as_input(canvas[np.newaxis], 128)).values())
        step = np.array([width / fitted.shape[1], height / fitted.shape[0]], np.float32)
        boxes, points, scores = [], [], []
        for level, stride in enumerate(_STRIDES):
            score = outputs[level].reshape(-1)
            (kept,) = np.nonzero(score >= MIN_SCORE)
            rows, columns = np.divmod(kept // _ANCHORS, canvas_width // stride)
            centre = np.stack([columns, rows], axis=1).astype(np.float32) * stride
            distances = outputs[level + 3].reshape(-1, 4)[kept] * stride
            corner, opposite = centre - distances[:, :2], centre + distances[:, 2:]
            boxes.append(np.concatenate([corner * step, (opposite - corner) * step], axis=1))
            offsets = outputs[level + 6].reshape(-1, 5, 2)[kept] * stride
            points.append((centre[:, None] + offsets) * step)
            scores.append(score[kept])
        return np.concatenate(boxes), np.concatenate(points), np.concatenate(scores)


class ArcFaceEmbedder:
    """Turns aligned chips into embeddings."""

    def __init__(self, session: Session, space: str, *, dimensions: int, batch: int) -> None:
        self._session = session
        self._dimensions = dimensions
        self._batch = batch
        self.space = space

    @classmethod
    def load(cls, pack: FacePack, settings: ModelSettings) -> ArcFaceEmbedder:
        session = OrtSession(pack.embedding, settings)
        shapes = [output.shape for output in session.probe(np.zeros((1, 3, CHIP_SIZE, CHIP_SIZE), np.float32)).values()]
        if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][0] != 1:
            raise Misconfigured(
                f"{VARIABLE}: {pack.embedding.path} is no ArcFace model: of one chip of 112 × 112 it must make one row "
                f"of numbers, not {' and '.join(str(tuple(shape)) for shape in shapes)}."
            )
        batch = 1 if session.input_shape[0] == 1 else batch_size(session, large=64, small=4)
        return cls(session, pack.embedding_space, dimensions=shapes[0][1], batch=batch)

    def embed(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 112, 112, 3) BGR chips → (N, D) float32 rows of unit length, in order; N may be 0."""
        rows = [np.zeros((0, self._dimensions), np.float32)]
        for start in range(0, len(chips), self._batch):
            (output,) = self._session.run(_as_input(chips[start : start + self._batch], 127.5)).values()
            rows.append(output / np.linalg.norm(output, axis=1, keepdims=True))
        return np.concatenate(rows)


def _as_input(images: NDArray[np.uint8], spread: float) -> NDArray[np.float32]:
    """(N, H, W, 3) BGR → (N, 3, H, W) RGB, 127.5 taken off and divided by `spread`."""
    rgb = images[:, :, :, ::-1].transpose(0, 3, 1, 2)
    return (np.ascontiguousarray(rgb, np.float32) - np.float32(127.5)) / np.float32(spread)


def _resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if width <= image.shape[1] and height <= image.shape[0]:
        return shrunk(image, width, height)
    return cast("NDArray[np.uint8]", cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR))
