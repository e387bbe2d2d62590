"""Which faces pass a QualityFilter, and the protocol's reasons for those that do not."""

from __future__ import annotations

from photofinish.domain.face import Face
from photofinish.domain.quality import QualityReason

MAX_FACES = 100
"""Per picture, the largest."""

# `Face.quality` below which a filter takes a face out. Of 200 faces of runners and bystanders AUTO and LOW take out
# 17 %, MEDIUM 33 %.
_BARS = {"AUTO": 0.2, "LOW": 0.2, "MEDIUM": 0.4}
_NOT_IN_THE_DARK = {"MEDIUM", "HIGH"}
_REASONS = {
    QualityReason.SMALL: "SMALL_BOUNDING_BOX",
    QualityReason.TURNED: "EXTREME_POSE",
    QualityReason.BLURRED: "LOW_SHARPNESS",
    QualityReason.DARK: "LOW_BRIGHTNESS",
    QualityReason.UNCERTAIN: "LOW_CONFIDENCE",
}


class QualityBars:
    """The filters NONE, AUTO, LOW, MEDIUM and HIGH in one embedding space."""

    def __init__(self, reliable: float) -> None:
        """`reliable` is the quality from which the space's matches are, which HIGH asks for."""
        self._bars = _BARS | {"HIGH": max(reliable, _BARS["MEDIUM"])}

    def reasons_against(self, face: Face, quality_filter: str) -> list[str]:
        """Why the filter takes `face` out; empty where it passes.

        What makes the face hard to recognise, or LOW_FACE_QUALITY where it is a little of everything. Darkness is no
        part of the quality figure, so MEDIUM and HIGH take dark faces out by themselves.
        """
        if quality_filter == "NONE":
            return []
        too_dark = quality_filter in _NOT_IN_THE_DARK and QualityReason.DARK in face.quality_reasons
        if face.quality >= self._bars[quality_filter] and not too_dark:
            return []
        return [_REASONS[reason] for reason in face.quality_reasons] or ["LOW_FACE_QUALITY"]
