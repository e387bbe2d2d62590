"""How well a face can be recognised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Each factor is 0 below the first and 1 above the second value.
_SIZE_PX = (12.0, 96.0)
_SCORE = (0.5, 0.9)
_SHARPNESS = (0.2, 0.5)
# Where the nose of a face that looks into the camera lies between the eyes and the mouth (ArcFace template).
_FRONTAL_PITCH = 0.49


def face_quality(*, size_px: float, detection_score: float, landmarks: NDArray[np.floating], sharpness: float) -> float:
    """0 to 1: the geometric mean of size, score, pose and sharpness, so a face that fails in one of them is poor.

    `size_px` is √(width × height) of the face's box in the picture that its embedding comes from, `landmarks` (5, 2)
    are in the pixels of any picture, `sharpness` is the re-blur sharpness of the aligned chip.
    """
    factors = (
        _ramp(size_px, *_SIZE_PX),
        _ramp(detection_score, *_SCORE),
        frontality(landmarks),
        _ramp(sharpness, *_SHARPNESS),
    )
    return float(np.prod(factors) ** (1 / len(factors)))


def frontality(landmarks: NDArray[np.floating]) -> float:
    """1 for a face that looks into the camera, 0 for a profile or one seen from far above or below.

    Measured by where the nose lies between the eyes and between eyes and mouth, along the face's own axes, so a tilted
    head counts as frontal: alignment turns it upright.
    """
    right_eye, left_eye, nose, right_mouth, left_mouth = np.asarray(landmarks, np.float64)
    eyes, mouth = (right_eye + left_eye) / 2, (right_mouth + left_mouth) / 2
    across, down = left_eye - right_eye, mouth - eyes
    width_squared, height_squared = float(across @ across), float(down @ down)
    if width_squared == 0 or height_squared == 0:
        return 0.0
    yaw = abs(float((nose - (eyes + mouth) / 2) @ across)) / width_squared
    pitch = abs(float((nose - eyes) @ down) / height_squared - _FRONTAL_PITCH)
    return max(0.0, 1 - yaw) * max(0.0, 1 - 2 * pitch)


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
