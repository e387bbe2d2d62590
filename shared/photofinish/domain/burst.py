"""Bursts: photos that one camera took of one moment, and which of them is the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_GAP = timedelta(seconds=2)
"""Between a photo and the next one of its burst. Cameras in continuous drive take several a second."""
MAX_DISTANCE = 14
"""Bits of 64 in which the perceptual hashes of two near duplicates differ at most; see docs/benchmarks/pictures.md."""

LARGE_FACE = 0.2
"""Height of a face, as a share of the picture's, from which a larger one is no better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What of a photo decides about its burst."""

    photo_id: str
    perceptual_hash: int | None
    """64 bits; None for a photo that was analysed before there were any: it is in no burst."""
    taken_at: datetime | None
    """With the shift of the camera's clock. A photo without a time is in no burst."""
    camera: str | None
    folder: str
    sharpness: float
    """Of the frame, 0 to 1."""
    face: float
    """See :func:`face_value`, of the best face; 0 without one."""

    @property
    def value(self) -> float:
        """How good the photo is: a sharp picture of a large, clear face."""
        return self.sharpness + self.face


def face_value(quality: float, height: float) -> float:
    """Return how much a face adds to its photo, 0 to 1; `height` is the share of the picture's."""
    return quality * min(1.0, max(0.0, height) / LARGE_FACE)


def best_first(shots: Sequence[Shot]) -> tuple[Shot, ...]:
    """Return the shots by falling value; equal ones by photo id, so that the order is always the same."""
    return tuple(sorted(shots, key=lambda shot: (-shot.value, shot.photo_id)))
