"""The direction a face looks in, estimated from its five landmarks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Five points of a head, in the order of the landmarks; unit: the distance between the eyes; x to the picture's right,
# y down, z towards the camera. Recovered from the detector's own landmarks on 274 faces of runners and portraits, and
# their mirror images, by factorisation under scaled orthographic projection (Tomasi and Kanade 1992).
_HEAD = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.508, 0.361], [-0.427, 1.004, 0], [0.427, 1.004, 0]])
_CENTRED_HEAD = _HEAD - _HEAD.mean(axis=0)
_FROM_PICTURE = np.linalg.pinv(_CENTRED_HEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How a head deviates from upright and facing the camera, in degrees, as the viewer sees it.

    The rotations apply in the order pitch (nod), yaw (turn), roll (tilt).
    """

    roll_deg: float
    """-180 to 180, positive clockwise. Alignment removes it, so it makes no face harder to recognise."""
    yaw_deg: float
    """-90 to 90, positive where an upright head looks to the right of the picture."""
    pitch_deg: float
    """-180 to 180, positive upwards."""

    @property
    def turned_deg(self) -> float:
        """The angle between the face's direction and the camera, 0 to 180: yaw and pitch combined."""
        towards = math.cos(math.radians(self.yaw_deg)) * math.cos(math.radians(self.pitch_deg))
        return math.degrees(math.acos(min(1.0, max(-1.0, towards))))


def head_pose(landmarks: NDArray[np.floating]) -> Pose:
    """Estimate the pose from (5, 2) landmarks in pixels of any picture (not in fractions of its sides).

    A rigid head is fitted under scaled orthographic projection: the least-squares projection (POS of DeMenthon and
    Davis 1995), then the nearest rotation. If noses vary by 20 % in length, other proportions by 5 %, and landmarks are
    off by 3 % of the distance between the eyes, the error (root mean square) up to 45° is 2–4° in roll, 5–8° in yaw and
    7–8° in pitch; towards a profile, roll and pitch become unreliable. Detectors add their own error: YuNet's landmarks
    of a portrait tilted by 15–40° show only 20–70 % of that roll.
    """
    points = np.asarray(landmarks, np.float64)
    projection = (_FROM_PICTURE @ (points - points.mean(axis=0))).T
    left, _, right = np.linalg.svd(projection, full_matrices=False)
    x_row, y_row = left @ right
    z_row = np.cross(x_row, y_row)
    return Pose(
        roll_deg=_degrees(math.atan2(y_row[0], x_row[0])),
        yaw_deg=_degrees(math.asin(min(1.0, max(-1.0, -z_row[0])))),
        pitch_deg=_degrees(math.atan2(z_row[1], z_row[2])),
    )


def _degrees(radians: float) -> float:
    return round(math.degrees(radians), 1) + 0.0  # no negative zero
