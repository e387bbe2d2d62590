"""A face: where it is, how good it is, and its embedding."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.geometry import Box, Point
from photofinish.domain.photo import PhotoRef
from photofinish.domain.pose import Pose
from photofinish.domain.quality import QualityReason

_FACE_NAMESPACE = uuid.UUID("6f0d6d2e-8f5b-5c2e-9b61-7f3f0c7a51aa")
UNIT_LENGTH_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """Unit-length (D,) float32 in one embedding space, so a dot product is a cosine similarity.

    Its repr shows no numbers: an embedding is biometric data.
    """

    vector: NDArray[np.float32] = field(repr=False)
    space: str

    def __post_init__(self) -> None:
        if self.vector.ndim != 1 or self.vector.dtype != np.float32:
            raise ValueError(f"an embedding is (D,) float32, not {self.vector.shape} {self.vector.dtype}")
        length = float(np.linalg.norm(self.vector))
        if not abs(length - 1.0) <= UNIT_LENGTH_TOLERANCE:
            raise ValueError(f"an embedding has unit length, not {length:.4f}: normalise it")

    def check_dimension(self, dimension: int) -> None:
        """Raise ValueError unless the vector has `dimension` numbers, as the index has for its space."""
        if self.vector.size != dimension:
            raise ValueError(
                f"embeddings of {self.space!r} have {dimension} dimensions in this index, not {self.vector.size}: "
                "another model needs another embedding space"
            )


def space_of(embeddings: Sequence[Embedding]) -> str:
    """Return the embedding space of `embeddings`; raise ValueError unless they have one and the same."""
    spaces = {embedding.space for embedding in embeddings}
    if len(spaces) != 1:
        raise ValueError(f"embeddings that are compared are of one embedding space, not of {sorted(spaces)}")
    return spaces.pop()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedFace:
    """Where a face is in a picture, and how good it is."""

    box: Box
    landmarks: tuple[Point, Point, Point, Point, Point]
    """Right eye, left eye, nose tip, right and left mouth corner (the person's right), fractions of the image."""
    detection_score: float
    sharpness: float
    """Re-blur sharpness of the face's crop, 0 (blurred) to 1 (sharp)."""
    quality: float
    """How well the face can be recognised, 0 to 1: from its size, detection score, pose and sharpness."""
    quality_reasons: tuple[QualityReason, ...]
    """What makes it hard to recognise; empty for most faces."""
    pose: Pose
    brightness: float
    """Mean luma of the centre of the face, 0 (black) to 100 (white)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTrack:
    """How a face was followed through a video."""

    seen_s: float
    """Seconds for which it is seen, in all scenes together."""
    sightings: tuple[Box, ...]
    """Where it was found, in order of time; at most once in each frame."""
    poster_box: Box | None
    """Where it is on the video's poster; None if it is not there. Without a time, because the poster is a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face(DescribedFace):
    """One face of one photo; in a video the best view of it."""

    embedding: Embedding
    track: FaceTrack | None = None
    """In a video; the embedding is that of all views together."""

    @property
    def places(self) -> tuple[Box, ...]:
        """Everywhere it was found."""
        return (self.box,) if self.track is None else (self.box, *self.track.sightings)

    @classmethod
    def of(cls, described: DescribedFace, embedding: Embedding) -> Face:
        return cls(**{one.name: getattr(described, one.name) for one in fields(described)}, embedding=embedding)


def face_id(photo: PhotoRef, pipeline_version: str, index: int) -> str:
    """Return the stable id of face number `index` of a photo's analysis: lower-case 8-4-4-4-12 hexadecimal.

    The part of the version after a plus, the album's bib rules, is left out: it changes no face.
    """
    face_version, _, _ = pipeline_version.partition("+")
    return str(uuid.uuid5(_FACE_NAMESPACE, f"{photo.photo_id}/{photo.generation}/{face_version}/{index}"))


def rules_of(pipeline_version: str) -> str:
    """Return the fingerprint of the bib rules in a pipeline version, see :attr:`BibRules.fingerprint`."""
    return pipeline_version.partition("+")[2]
