"""Which of the faces in a selfie is the person's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from photofinish.application.pictures import person_in
from photofinish.domain.face import Face
from photofinish.domain.geometry import Box
from photofinish.domain.matching import Calibration
from photofinish.domain.quality import QualityReason
from photofinish.errors import RejectedInput
from support.faces import embedding, face

CALIBRATION = Calibration(min_similarity=0.5, stranger_similarity=0.6, slope=10, offset=-5, selfie_min_quality=0.2)
ME, OTHER, ANOTHER = [1, 0, 0], [0, 1, 0], [0, 0, 1]


def of(side: float, vector: list[int] = ME, quality: float = 0.75, *reasons: QualityReason) -> Face:
    made = replace(face(embedding(vector)), box=Box(0.1, 0.1, side, side), quality=quality)
    return replace(made, quality_reasons=reasons)


def refusal(*faces: Face) -> tuple[str, str]:
    with pytest.raises(RejectedInput) as raised:
        person_in(faces, CALIBRATION)
    return raised.value.code, raised.value.message


def test_the_only_face_or_one_of_four_times_the_area() -> None:
    large, half, small = of(0.4), of(0.2, OTHER), of(0.05, ANOTHER)
    assert person_in([small], CALIBRATION) is small
    assert person_in([small, large, half, small], CALIBRATION) is large


def test_no_face_stands_out() -> None:
    assert refusal()[0] == "no_face"
    assert refusal(of(0.4), of(0.21, OTHER))[0] == "several_faces"
    assert refusal(of(0.3), of(0.3, OTHER))[0] == "several_faces"


def test_two_faces_of_one_person_count_as_one() -> None:
    large = of(0.4)
    assert person_in([of(0.38), large], CALIBRATION) is large
    assert refusal(of(0.38), large, of(0.3, OTHER))[0] == "several_faces"


def test_an_unclear_face_gets_a_hint_for_each_reason() -> None:
    assert refusal(of(0.4, ME, 0.1))[0] == "unclear_face"
    assert refusal(of(0.4, ME, 0.1), of(0.1, OTHER))[0] == "unclear_face"
    code, message = refusal(of(0.4, ME, 0.1, QualityReason.TURNED, QualityReason.DARK))
    assert code == "unclear_face"
    assert "look into the camera" in message
    assert "turn to the light" in message
    assert refusal(of(0.01, ME, 0.1, QualityReason.SMALL, QualityReason.BLURRED))[0] == "small_face"


@pytest.mark.parametrize("reason", list(QualityReason))
def test_every_reason_has_a_hint(reason: QualityReason) -> None:
    assert len(refusal(of(0.4, ME, 0.1, reason))[1]) > 20
