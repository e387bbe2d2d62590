"""Which faces pass a QualityFilter, and the protocol's reasons for those that do not."""

from __future__ import annotations

from photofinish.domain.face import Face
from photofinish.domain.quality import QualityReason

MAX_FACES = 100
"""Per picture, the largest."""

# `Face.quality` below which a filter takes a face out; AUTO and LOW use the calibration's own lowest usable quality.
_BARS = {"MEDIUM": 0.4, "HIGH": 0.6}
_REASONS = {
    QualityReason.SMALL: "SMALL_BOUNDING_BOX",
    QualityReason.TURNED: "EXTREME_POSE",
    QualityReason.BLURRED: "LOW_SHARPNESS",
    QualityReason.DARK: "LOW_BRIGHTNESS",
    QualityReason.UNCERTAIN: "LOW_CONFIDENCE",
}


class QualityBars:
    """The filters NONE, AUTO, LOW, MEDIUM and HIGH in one embedding space."""

    def __init__(self, lowest: float) -> None:
        self._bars = {"AUTO": lowest, "LOW": lowest} | {name: max(lowest, bar) for name, bar in _BARS.items()}

    def reasons_against(self, face: Face, quality_filter: str) -> list[str]:
        """Why the filter takes `face` out; empty where it passes.

        What makes the face hard to recognise, or LOW_FACE_QUALITY where it is a little of everything. Darkness is no
        part of the quality figure, so MEDIUM and HIGH take dark faces out by themselves.
        """
        if quality_filter == "NONE":
            return []
        too_dark = quality_filter in _BARS and QualityReason.DARK in face.quality_reasons
        if face.quality >= self._bars[quality_filter] and not too_dark:
            return []
        return [_REASONS[reason] for reason in face.quality_reasons] or ["LOW_FACE_QUALITY"]
