"""Which faces pass a QualityFilter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from photofinish.domain.matching import Calibration
from photofinish.domain.quality import QualityReason
from photofinish_functions.rekognition.quality import reasons_against
from photofinish_functions.rekognition.requests import QUALITY_FILTERS
from support.faces import face

CALIBRATION = Calibration(min_similarity=0.4, stranger_similarity=0.5, slope=10, offset=-5, selfie_min_quality=0.6)
IN_ORDER = ["NONE", "AUTO", "LOW", "MEDIUM", "HIGH"]


@pytest.mark.parametrize(
    ("quality", "passing"),
    [(0.0, 1), (0.19, 1), (0.2, 3), (0.39, 3), (0.4, 4), (0.59, 4), (0.6, 5), (1.0, 5)],
)
def test_each_filter_is_stricter_than_the_one_before(quality: float, passing: int) -> None:
    one = face(quality=quality)
    assert set(IN_ORDER) == set(QUALITY_FILTERS)
    assert [not reasons_against(one, name, CALIBRATION) for name in IN_ORDER] == [True] * passing + [False] * (
        5 - passing
    )


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        (QualityReason.SMALL, "SMALL_BOUNDING_BOX"),
        (QualityReason.TURNED, "EXTREME_POSE"),
        (QualityReason.BLURRED, "LOW_SHARPNESS"),
        (QualityReason.DARK, "LOW_BRIGHTNESS"),
        (QualityReason.UNCERTAIN, "LOW_CONFIDENCE"),
    ],
)
def test_every_reason_has_its_name_in_the_protocol(reason: QualityReason, name: str) -> None:
    poor = replace(face(quality=0.1), quality_reasons=(reason,))
    assert reasons_against(poor, "AUTO", CALIBRATION) == [name]


def test_a_rejected_face_without_reasons_is_of_low_quality() -> None:
    assert reasons_against(face(quality=0.1), "AUTO", CALIBRATION) == ["LOW_FACE_QUALITY"]


def test_a_good_but_dark_face_passes_auto_and_not_medium() -> None:
    dark = replace(face(quality=0.9), quality_reasons=(QualityReason.DARK,))
    assert reasons_against(dark, "AUTO", CALIBRATION) == []
    assert reasons_against(dark, "MEDIUM", CALIBRATION) == ["LOW_BRIGHTNESS"]
