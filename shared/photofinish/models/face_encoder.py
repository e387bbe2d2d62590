"""Faces of photos with everything that is known of them: detection, alignment, embedding, sharpness, quality."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.face import Embedding, Face
from photofinish.domain.geometry import Box
from photofinish.domain.pose import head_pose
from photofinish.domain.quality import face_quality, quality_reasons
from photofinish.imaging.sharpness import chip_sharpness
from photofinish.models.catalogue import model_for
from photofinish.models.face_alignment import CHIP_SIZE, align, chip_brightness
from photofinish.models.face_detection import Detections, FaceDetector
from photofinish.models.face_embedding import FaceEmbedder
from photofinish.models.session import OrtSession
from photofinish.models.settings import ModelSettings


class FaceEncoder:
    """What jobs and the search by selfie both use, so that their embeddings compare. Threads may share it."""

    def __init__(self, detector: FaceDetector, embedder: FaceEmbedder) -> None:
        self._detector = detector
        self._embedder = embedder
        self.embedding_space = embedder.space

    @classmethod
    def load(cls, settings: ModelSettings) -> FaceEncoder:
        """Load the catalogue's models; takes a fraction of a second.

        Raises:
            Misconfigured: a model file or a provider is missing.
        """
        detection, embedding = model_for("face_detection"), model_for("face_embedding")
        space = embedding.embedding_space or embedding.label
        return cls(FaceDetector(OrtSession(detection, settings)), FaceEmbedder(OrtSession(embedding, settings), space))

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """The faces of each upright (H, W, 3) BGR image, largest first, each with its embedding.

        No face is a normal answer: an empty tuple. Chips of all images are embedded together.
        """
        return self.embed(images, self.detect(images))

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The first half of :meth:`encode`: where the faces are."""
        return self._detector.detect(images)

    def embed(self, images: Sequence[NDArray[np.uint8]], detections: Sequence[Detections]) -> list[tuple[Face, ...]]:
        """The second half of :meth:`encode`."""
        chips = [
            align(image, landmarks)
            for image, found in zip(images, detections, strict=True)
            for landmarks in found.landmarks
        ]
        stacked = np.stack(chips) if chips else np.zeros((0, CHIP_SIZE, CHIP_SIZE, 3), np.uint8)
        vectors = iter(self._embedder.embed(stacked))
        sharpness = iter(chip_sharpness(stacked).tolist())
        brightness = iter(chip_brightness(stacked).tolist())
        return [
            tuple(
                self._face(image, found, index, next(vectors), next(sharpness), next(brightness))
                for index in range(len(found))
            )
            for image, found in zip(images, detections, strict=True)
        ]

    def _face(
        self,
        image: NDArray[np.uint8],
        found: Detections,
        index: int,
        vector: NDArray[np.float32],
        sharpness: float,
        brightness: float,
    ) -> Face:
        height, width = image.shape[:2]
        x, y, w, h = (float(value) for value in found.boxes[index])
        landmarks = found.landmarks[index]
        right_eye, left_eye, nose, right_mouth, left_mouth = (
            (float(point[0]) / width, float(point[1]) / height) for point in landmarks
        )
        score, size_px, pose = float(found.scores[index]), (w * h) ** 0.5, head_pose(landmarks)
        return Face(
            box=Box.from_pixels(x, y, w, h, width=width, height=height),
            landmarks=(right_eye, left_eye, nose, right_mouth, left_mouth),
            detection_score=score,
            sharpness=sharpness,
            quality=face_quality(size_px=size_px, detection_score=score, pose=pose, sharpness=sharpness),
            quality_reasons=quality_reasons(
                size_px=size_px, detection_score=score, pose=pose, sharpness=sharpness, brightness=brightness
            ),
            pose=pose,
            brightness=brightness,
            embedding=Embedding(vector, self.embedding_space),
        )
