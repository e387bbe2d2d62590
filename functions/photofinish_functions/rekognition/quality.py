"""Which faces pass a QualityFilter, and the protocol's reasons where one does not."""

from __future__ import annotations

from photofinish.domain.face import Face
from photofinish.domain.matching import Calibration
from photofinish.domain.quality import QualityReason

MAX_FACES = 100
"""Per picture: the largest ones."""

# Lowest `Face.quality` that passes. Of 200 faces of runners and bystanders, AUTO and LOW reject 17 %, MEDIUM 33 %.
_MIN_QUALITY = {"AUTO": 0.2, "LOW": 0.2, "MEDIUM": 0.4}
_NOT_IN_THE_DARK = {"MEDIUM", "HIGH"}
_REASONS = {
    QualityReason.SMALL: "SMALL_BOUNDING_BOX",
    QualityReason.TURNED: "EXTREME_POSE",
    QualityReason.BLURRED: "LOW_SHARPNESS",
    QualityReason.DARK: "LOW_BRIGHTNESS",
    QualityReason.UNCERTAIN: "LOW_CONFIDENCE",
}


def reasons_against(face: Face, quality_filter: str, calibration: Calibration) -> list[str]:
    """Why `quality_filter` (NONE, AUTO, LOW, MEDIUM or HIGH) rejects `face`; empty where the face passes.

    The reasons are what makes the face hard to recognise, or LOW_FACE_QUALITY where no single one stands out. HIGH
    demands the quality from which matches in the embedding space of `calibration` are reliable. Brightness is not part
    of the quality figure, so MEDIUM and HIGH check for dark faces separately.
    """
    if quality_filter == "NONE":
        return []
    if quality_filter == "HIGH":
        min_quality = max(calibration.selfie_min_quality, _MIN_QUALITY["MEDIUM"])
    else:
        min_quality = _MIN_QUALITY[quality_filter]
    too_dark = quality_filter in _NOT_IN_THE_DARK and QualityReason.DARK in face.quality_reasons
    if face.quality >= min_quality and not too_dark:
        return []
    return [_REASONS[reason] for reason in face.quality_reasons] or ["LOW_FACE_QUALITY"]
