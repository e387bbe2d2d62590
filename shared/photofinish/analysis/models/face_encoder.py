"""Faces of photos with all their values: detection, alignment, embedding, sharpness, quality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.sharpness import chip_sharpness
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.detections import Detections
from photofinish.analysis.models.face_alignment import CHIP_SIZE, align, chip_brightness
from photofinish.analysis.models.face_detection import CLOSE_UP_LONGEST_SIDE, PORTRAIT_PX, FaceDetector
from photofinish.analysis.models.face_embedding import FaceEmbedder
from photofinish.analysis.models.face_pack import FacePack
from photofinish.analysis.models.insightface_packs import load_pack
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.face import DescribedFace, Embedding, Face
from photofinish.domain.geometry import Box
from photofinish.domain.pose import head_pose
from photofinish.domain.quality import face_quality, quality_reasons

# The mean of two embeddings, of chips aligned by the landmarks of both passes, identifies people better than either: at
# a false accept rate of 1e-3 it finds .90 of 50 same-person pairs of runners, the two alone .84 and .88; of portraits
# made small, noisy and blurred .971, .962 and .960. On smaller faces no gain was measured.
TWO_CHIPS_PX = 32.0


class Detector(Protocol):
    """Finds faces. Threads may share it."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The faces of each (H, W, 3) BGR image, in order, largest face first."""
        ...

    def detect_portrait(self, image: NDArray[np.uint8]) -> Detections:
        """The faces of a portrait; those much smaller than the main face may be missing."""
        ...


class FaceEncoder:
    """Used by jobs and by the search by selfie, so that their embeddings are comparable. Threads may share it."""

    def __init__(
        self, detector: Detector, embedder: FaceEmbedder, portrait_embedder: FaceEmbedder | None = None
    ) -> None:
        """`portrait_embedder`, of the same space, embeds the large faces of portraits; None: `embedder` does."""
        self._detector = detector
        self._embedder = embedder
        self._portrait_embedder = portrait_embedder or embedder
        self.embedding_space = embedder.space

    @classmethod
    def load(cls, settings: ModelSettings) -> FaceEncoder:
        """Load the catalogue's models, or those of the pack in the settings; takes a fraction of a second.

        Raises:
            Misconfigured: a model file or a provider is missing, or a pack's licence was not accepted.
        """
        if pack := FacePack.of(settings):
            return cls(*load_pack(pack, settings))
        detection, embedding = model_for("face_detection"), model_for("face_embedding")
        space = embedding.embedding_space or embedding.label
        embedder = FaceEmbedder(OrtSession(embedding, settings), space)
        for_portraits = embedding.for_portraits()
        if for_portraits.cpu_form(settings.providers) == embedding.cpu_form(settings.providers):
            portrait_embedder = embedder
        else:
            portrait_embedder = FaceEmbedder(OrtSession(for_portraits, settings), space)
        return cls(FaceDetector(OrtSession(detection, settings)), embedder, portrait_embedder)

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Find and embed the faces of each upright (H, W, 3) BGR image, largest first; the tuple may be empty.

        Chips of all images are embedded together.
        """
        return self.embed(images, self.detect(images))

    def encode_portrait(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """As :meth:`encode` for a portrait, in a fourth of the time; small faces may be missing.

        Large faces are embedded once, aligned by the mean of both passes' landmarks: of portraits, also poor ones, that
        finds as many as two embeddings do; of runners it would find fewer.
        """
        found = self._detector.detect_portrait(image)
        if not _is_portrait(image, found):
            return self.embed([image], [found])[0]
        chips = _chips([image], [np.mean([found.landmarks, found.first_landmarks], axis=0, dtype=np.float32)])
        [faces] = self._faces([image], [found], chips, self._portrait_embedder.embed(chips))
        return faces

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Find the faces: the first half of :meth:`encode`."""
        return self._detector.detect(images)

    def embed(self, images: Sequence[NDArray[np.uint8]], detections: Sequence[Detections]) -> list[tuple[Face, ...]]:
        """Embed detected faces: the second half of :meth:`encode`."""
        chips = _chips(images, [found.landmarks for found in detections])
        return self._faces(images, detections, chips, self._vectors(images, detections, chips))

    def describe(
        self, images: Sequence[NDArray[np.uint8]], detections: Sequence[Detections]
    ) -> list[tuple[DescribedFace, ...]]:
        """Describe detected faces as :meth:`embed` does, without the model that embeds them."""
        return _described(images, detections, _chips(images, [found.landmarks for found in detections]))

    def _faces(
        self,
        images: Sequence[NDArray[np.uint8]],
        detections: Sequence[Detections],
        chips: NDArray[np.uint8],
        embeddings: NDArray[np.float32],
    ) -> list[tuple[Face, ...]]:
        vectors = iter(embeddings)
        return [
            tuple(Face.of(face, Embedding(next(vectors), self.embedding_space)) for face in faces)
            for faces in _described(images, detections, chips)
        ]

    def _vectors(
        self, images: Sequence[NDArray[np.uint8]], detections: Sequence[Detections], chips: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """(N, D) embeddings of the chips; of larger faces, the mean with that of the chip by their first landmarks.

        If both landmarks are the same, there is one chip.
        """
        sides = np.concatenate([np.zeros(0), *(np.sqrt(found.boxes[:, 2] * found.boxes[:, 3]) for found in detections)])
        moved = [(found.landmarks != found.first_landmarks).any(axis=(1, 2)) for found in detections]
        twice = (sides >= TWO_CHIPS_PX) & np.concatenate([np.zeros(0, bool), *moved])
        rows = np.split(twice, np.cumsum([len(found) for found in detections])[:-1]) if detections else []
        firsts = _chips(images, [found.first_landmarks[chosen] for found, chosen in zip(detections, rows, strict=True)])
        vectors = self._embedder.embed(np.concatenate([chips, firsts]))
        single, first = vectors[: len(chips)], vectors[len(chips) :]
        single[twice] += first
        averaged: NDArray[np.float32] = single / np.linalg.norm(single, axis=1, keepdims=True)
        return averaged


def _is_portrait(image: NDArray[np.uint8], found: Detections) -> bool:
    """Whether a face is as large as the main face of a portrait, see :meth:`FaceDetector.detect_portrait`."""
    largest = float(found.boxes[:, 2:].prod(axis=1).max(initial=0)) ** 0.5
    return bool(largest * min(1.0, CLOSE_UP_LONGEST_SIDE / max(image.shape)) >= PORTRAIT_PX)


def _chips(images: Sequence[NDArray[np.uint8]], landmarks: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """(N, 112, 112, 3) chips of all faces of all images, in order."""
    chips = [align(image, points) for image, faces in zip(images, landmarks, strict=True) for points in faces]
    return np.stack(chips) if chips else np.zeros((0, CHIP_SIZE, CHIP_SIZE, 3), np.uint8)


def _described(
    images: Sequence[NDArray[np.uint8]], detections: Sequence[Detections], chips: NDArray[np.uint8]
) -> list[tuple[DescribedFace, ...]]:
    sharpness = iter(chip_sharpness(chips).tolist())
    brightness = iter(chip_brightness(chips).tolist())
    return [
        tuple(_face(image, found, index, next(sharpness), next(brightness)) for index in range(len(found)))
        for image, found in zip(images, detections, strict=True)
    ]


def _face(
    image: NDArray[np.uint8], found: Detections, index: int, sharpness: float, brightness: float
) -> DescribedFace:
    height, width = image.shape[:2]
    x, y, w, h = (float(value) for value in found.boxes[index])
    landmarks = found.landmarks[index]
    right_eye, left_eye, nose, right_mouth, left_mouth = (
        (float(point[0]) / width, float(point[1]) / height) for point in landmarks
    )
    score, size_px = float(found.scores[index]), (w * h) ** 0.5
    # The second pass estimates tilted and turned faces as more upright than they are.
    pose = head_pose(found.first_landmarks[index])
    return DescribedFace(
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
    )
