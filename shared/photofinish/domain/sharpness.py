"""Whether a photo is sharp where it matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from photofinish.domain.face import DescribedFace

# Calibrated on 150 race photos of 0.5 MP, unchanged and with synthetic blur (defocus 1.2–4 px, motion 5–20 px, scaled
# by 0.6–1, JPEG quality 60–95; or only the runners blurred, by 3–8 % or 12–30 % of the face's size). Below the face
# threshold are 1 % of the unchanged photos, 89 % of the blurred ones and 92 % of those in which only the runners are
# blurred; below the frame threshold 0 %, 69 % and 12 %.
FACE_THRESHOLD = 0.38
"""Re-blur sharpness of the aligned 112 px chip below which a face is blurred."""
FRAME_THRESHOLD = 0.55
"""Re-blur sharpness at 1024 px below which a frame without faces is blurred."""
_SUBJECT_SHARE = 0.25
"""Faces with at least this share of the largest face's area are the photo's subjects; the others are background."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness:
    """Sharpness figures of one photo, and the decision that follows from them."""

    frame: float
    """Re-blur sharpness of the whole frame at 1024 px, 0 (blurred) to 1 (sharp)."""
    laplacian_variance: float
    """Variance of the Laplacian of the whole frame at 1024 px, for comparison with other tools."""
    is_blurry: bool


def is_blurry(frame: float, faces: Sequence[DescribedFace]) -> bool:
    """Whether no subject's face is sharp; in a photo without faces, whether the frame is not sharp.

    So a blurred runner before a sharp background is blurry, and a sharp runner before a panned background is not.
    """
    if not faces:
        return frame < FRAME_THRESHOLD
    largest = max(face.box.w * face.box.h for face in faces)
    subjects = [face for face in faces if face.box.w * face.box.h >= _SUBJECT_SHARE * largest]
    return max(face.sharpness for face in subjects) < FACE_THRESHOLD
