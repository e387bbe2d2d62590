"""Faces, bibs and photos as an index takes them, made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photofinish.domain.bib import Bib
from photofinish.domain.face import Embedding, Face
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.pose import Pose

SPACE = "test-space-1"


def photo(name: str, generation: int = 1, bucket: str = "photos") -> PhotoRef:
    return PhotoRef(bucket=bucket, name=name, generation=generation)


def embedding(vector: ArrayLike, space: str = SPACE) -> Embedding:
    """`vector` brought to unit length."""
    values = np.asarray(vector, np.float32)
    return Embedding(values / np.linalg.norm(values), space)


ANY_EMBEDDING = embedding([1.0, 0.0, 0.0])


def random_embeddings(count: int, dimension: int, seed: int, space: str = SPACE) -> list[Embedding]:
    rows: NDArray[np.float64] = np.random.default_rng(seed).normal(size=(count, dimension))
    return [embedding(row, space) for row in rows]


def face(of: Embedding = ANY_EMBEDDING, x: float = 0.25, quality: float = 0.75) -> Face:
    return Face(
        box=Box(x, 0.125, 0.0625, 0.1),
        landmarks=((0.3, 0.3), (0.4, 0.3), (0.35, 0.4), (0.3, 0.5), (0.4, 0.5)),
        detection_score=0.9,
        sharpness=0.5,
        quality=quality,
        quality_reasons=(),
        pose=Pose(roll_deg=0, yaw_deg=0, pitch_deg=0),
        brightness=50,
        embedding=of,
    )


def face_in(box: Box, *, sharpness: float = 0.5) -> Face:
    """A face of which only the place (and how sharp it is) matters."""
    return replace(face(), box=box, sharpness=sharpness)


def bib(number: str, ocr_score: float = 0.9, face_index: int | None = None) -> Bib:
    return Bib(number=number, ocr_score=ocr_score, box=Box(0.2, 0.4, 0.1, 0.05), face_index=face_index)
