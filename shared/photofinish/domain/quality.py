"""How well a face can be recognised, and what makes it hard."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from photofinish.domain.pose import Pose

# Each factor rises from 0 at the first value to 1 at the second.
_SIZE_PX = (12.0, 96.0)
_SCORE = (0.5, 0.9)
_SHARPNESS = (0.2, 0.5)
_TURNED_DEG = (80.0, 15.0)

# Share of same-person pairs of artificially small, blurred and dark portraits found at a false accept rate of 1e-3 (of
# runners): .16 below 32 px, .37 above; .25 below a sharpness of 0.35, .55 above 0.4; .13 below a brightness of 15; none
# below a score of 0.8. Of pairs of runners in which one is turned by more than 45°, 4 of 5 are found.
SMALL_PX = 32.0
TURNED_DEG = 45.0
BLURRED_SHARPNESS = 0.38
DARK_BRIGHTNESS = 15.0
UNCERTAIN_SCORE = 0.8


class QualityReason(StrEnum):
    """Why a face is hard to recognise. The codes are stable: apps may show a sentence for each."""

    SMALL = "small"
    """It has few pixels: move closer, or use the original instead of a reduced copy."""
    TURNED = "turned"
    """It looks to the side, up or down."""
    BLURRED = "blurred"
    """It is out of focus, or it moved."""
    DARK = "dark"
    """There is little light on it."""
    UNCERTAIN = "uncertain"
    """The detector is not sure that it is a face: something covers it, or it is not a face."""


def face_quality(*, size_px: float, detection_score: float, pose: Pose, sharpness: float) -> float:
    """Return the quality, 0 to 1: the geometric mean of four factors, so one bad factor makes the face poor.

    `size_px` is √(width × height) of the face's box in the picture that its embedding comes from; `sharpness` is the
    re-blur sharpness of the aligned chip.
    """
    factors = (
        _ramp(size_px, *_SIZE_PX),
        _ramp(detection_score, *_SCORE),
        _ramp(pose.turned_deg, *_TURNED_DEG),
        _ramp(sharpness, *_SHARPNESS),
    )
    return float(np.prod(factors) ** (1 / len(factors)))


def quality_reasons(
    *, size_px: float, detection_score: float, pose: Pose, sharpness: float, brightness: float
) -> tuple[QualityReason, ...]:
    """List what makes a face hard to recognise, in the order of :class:`QualityReason`; brightness is 0 to 100."""
    found = {
        QualityReason.SMALL: size_px < SMALL_PX,
        QualityReason.TURNED: pose.turned_deg > TURNED_DEG,
        QualityReason.BLURRED: sharpness < BLURRED_SHARPNESS,
        QualityReason.DARK: brightness < DARK_BRIGHTNESS,
        QualityReason.UNCERTAIN: detection_score < UNCERTAIN_SCORE,
    }
    return tuple(reason for reason, holds in found.items() if holds)


def _ramp(value: float, zero: float, one: float) -> float:
    return min(1.0, max(0.0, (value - zero) / (one - zero)))
