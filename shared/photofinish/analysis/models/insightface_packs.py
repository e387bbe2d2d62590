"""The models of InsightFace's packs: SCRFD finds faces, ArcFace tells people apart.

Inputs and outputs of the networks are handled here, and compared in tests with the classes of the ``insightface``
package. The package itself is not used: importing it takes a second of a function's cold start and brings SciPy and
scikit-image, and it requires ``onnxruntime``, which must not be installed together with ``onnxruntime-gpu``.

Guo et al., "Sample and computation redistribution for efficient face detection", 2021 (SCRFD).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.resizing import resized
from photofinish.analysis.models.batching import padded_to_32
from photofinish.analysis.models.detections import Detections
from photofinish.analysis.models.face_alignment import CHIP_SIZE
from photofinish.analysis.models.face_detection import LONGEST_SIDE, MAX_ENLARGEMENT
from photofinish.analysis.models.face_embedding import FaceEmbedder
from photofinish.analysis.models.face_pack import VARIABLE, FacePack
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.session import OrtSession, Session
from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured

# As in the insightface package: the least score, the greatest overlap, and the sides at which it examines a portrait.
MIN_SCORE = 0.5
MAX_OVERLAP = 0.4
PORTRAIT_SIDE, CLOSE_UP_SIDE = 640, 128
_STRIDES, _ANCHORS = (8, 16, 32), 2
_PROBE_SIDE = 64


def load_pack(pack: FacePack, settings: ModelSettings) -> tuple[ScrfdDetector, FaceEmbedder]:
    """Load both models and run them once, so that a wrong file is found now.

    Raises:
        Misconfigured: ONNX Runtime cannot run a file, or it is another kind of model.
    """
    return ScrfdDetector.load(pack.detection, settings), load_arcface(pack, settings)


class ScrfdDetector:
    """Finds the faces of images, each seen only as a whole: small faces in large pictures are not searched closer."""

    def __init__(self, session: Session, side: int | None) -> None:
        """`side` is the side of the network's square input if its file fixes it."""
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
                f"{VARIABLE}: {file.path} is no SCRFD detector with landmarks: its outputs must be scores, boxes and "
                f"five points at strides 8, 16 and 32."
            )
        return cls(session, fixed)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Find the faces of each (H, W, 3) BGR image, in order, at longest sides of 1280 and 128 pixels."""
        return [self._detect_at(image, (LONGEST_SIDE, CLOSE_UP_SIDE)) for image in images]

    def detect_portrait(self, image: NDArray[np.uint8]) -> Detections:
        """Find the faces of a (H, W, 3) BGR portrait, at longest sides of 640 and 128 pixels."""
        return self._detect_at(image, (PORTRAIT_SIDE, CLOSE_UP_SIDE))

    def _detect_at(self, image: NDArray[np.uint8], sides: Sequence[int]) -> Detections:
        passes = [self._candidates(image, side) for side in ([self._fixed_side] if self._fixed_side else sides)]
        return Detections.joined(passes).without_overlaps(MAX_OVERLAP)

    def _candidates(self, image: NDArray[np.uint8], side: int) -> Detections:
        """Everything that may be a face, in the image's pixels, at this longest side."""
        height, width = image.shape[:2]
        scale = min(side / max(height, width), MAX_ENLARGEMENT)
        fitted = resized(image, max(1, round(width * scale)), max(1, round(height * scale)))
        canvas_height, canvas_width = (self._fixed_side or padded_to_32(length) for length in fitted.shape[:2])
        canvas = np.zeros((canvas_height, canvas_width, 3), np.uint8)
        canvas[: fitted.shape[0], : fitted.shape[1]] = fitted
        rgb = np.ascontiguousarray(canvas[np.newaxis, :, :, ::-1].transpose(0, 3, 1, 2), np.float32)
        outputs = list(self._session.run((rgb - np.float32(127.5)) / np.float32(128)).values())
        step = np.array([width / fitted.shape[1], height / fitted.shape[0]], np.float32)
        boxes, landmarks, scores = [], [], []
        for level, stride in enumerate(_STRIDES):
            score = outputs[level].reshape(-1)
            (kept,) = np.nonzero(score >= MIN_SCORE)
            rows, columns = np.divmod(kept // _ANCHORS, canvas_width // stride)
            centre = np.stack([columns, rows], axis=1).astype(np.float32) * stride
            distances = outputs[level + 3].reshape(-1, 4)[kept] * stride
            corner, opposite = centre - distances[:, :2], centre + distances[:, 2:]
            boxes.append(np.concatenate([corner * step, (opposite - corner) * step], axis=1))
            offsets = outputs[level + 6].reshape(-1, 5, 2)[kept] * stride
            landmarks.append((centre[:, None] + offsets) * step)
            scores.append(score[kept])
        points = np.concatenate(landmarks)
        return Detections(np.concatenate(boxes), points, np.concatenate(scores), points)


def load_arcface(pack: FacePack, settings: ModelSettings) -> FaceEmbedder:
    """Load the pack's embedding model and run it once.

    Raises:
        Misconfigured: ONNX Runtime cannot run the file, or it is another kind of model.
    """
    session = OrtSession(pack.embedding, settings)
    shapes = [output.shape for output in session.probe(np.zeros((1, 3, CHIP_SIZE, CHIP_SIZE), np.float32)).values()]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][0] != 1:
        raise Misconfigured(
            f"{VARIABLE}: {pack.embedding.path} is no ArcFace model: for one chip of 112 × 112 its output must be one "
            f"row of numbers, not {' and '.join(str(tuple(shape)) for shape in shapes)}."
        )
    batch = 1 if session.input_shape[0] == 1 else None
    return FaceEmbedder(session, pack.embedding_space, dimensions=shapes[0][1], mean=127.5, scale=127.5, batch=batch)
