"""Face quality, its reasons, and whether a photo is blurry."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.face import Face
from photofinish.domain.geometry import Box
from photofinish.domain.pose import Pose
from photofinish.domain.quality import QualityReason, face_quality, quality_reasons
from photofinish.domain.sharpness import FACE_THRESHOLD, FRAME_THRESHOLD, is_blurry
from support.faces import face_in

FRONTAL = Pose(roll_deg=0, yaw_deg=0, pitch_deg=0)
GOOD: dict[str, Any] = {"size_px": 120, "detection_score": 0.95, "pose": FRONTAL, "sharpness": 0.6}


def turned(yaw_deg: float, roll_deg: float = 0, pitch_deg: float = 0) -> Pose:
    return Pose(roll_deg=roll_deg, yaw_deg=yaw_deg, pitch_deg=pitch_deg)


def quality(**changes: object) -> float:
    return face_quality(**(GOOD | changes))


def reasons(**changes: object) -> tuple[QualityReason, ...]:
    return quality_reasons(**(GOOD | {"brightness": 50.0} | changes))


def test_a_large_sharp_frontal_face_is_perfect() -> None:
    assert quality() == 1
    assert reasons() == ()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("size_px", [8, 20, 40, 80]),
        ("detection_score", [0.5, 0.6, 0.8, 0.9]),
        ("sharpness", [0.1, 0.25, 0.35, 0.5]),
        ("pose", [turned(90), turned(-70), turned(40), turned(20)]),
    ],
)
def test_quality_grows_with_each_factor(name: str, values: list[object]) -> None:
    qualities = [quality(**{name: value}) for value in values]
    assert qualities == sorted(qualities)
    assert qualities[0] == 0 < qualities[1] < qualities[-1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size_px": 15}, QualityReason.SMALL),
        ({"pose": turned(-60)}, QualityReason.TURNED),
        ({"pose": turned(0, pitch_deg=60)}, QualityReason.TURNED),
        ({"sharpness": 0.2}, QualityReason.BLURRED),
        ({"brightness": 5.0}, QualityReason.DARK),
        ({"detection_score": 0.6}, QualityReason.UNCERTAIN),
    ],
)
def test_each_reason_is_reported_alone_and_with_the_others(change: dict[str, object], reason: QualityReason) -> None:
    assert reasons(**change) == (reason,)
    bad: dict[str, object] = {
        "size_px": 15, "pose": turned(60), "sharpness": 0.2, "brightness": 5.0, "detection_score": 0.6,
    }  # fmt: skip
    assert reasons(**(bad | change)) == tuple(QualityReason)


@given(roll=st.floats(-180, 180), yaw=st.floats(-90, 90))
def test_a_tilted_head_is_as_good_as_an_upright_one(roll: float, yaw: float) -> None:
    assert quality(pose=turned(yaw, roll)) == quality(pose=turned(yaw))


@given(
    yaw=st.floats(-90, 90),
    pitch=st.floats(-180, 180),
    size=st.floats(0, 1e4),
    score=st.floats(0, 1),
    sharpness=st.floats(0, 1),
)
def test_quality_is_between_0_and_1(yaw: float, pitch: float, size: float, score: float, sharpness: float) -> None:
    pose = turned(yaw, pitch_deg=pitch)
    assert 0 <= quality(pose=pose, size_px=size, detection_score=score, sharpness=sharpness) <= 1


SHARP, BLURRED = FACE_THRESHOLD + 0.1, FACE_THRESHOLD - 0.1


def face(side: float, sharpness: float) -> Face:
    return face_in(Box(0.1, 0.1, side, side), sharpness=sharpness)


def test_without_faces_the_frame_decides() -> None:
    assert is_blurry(FRAME_THRESHOLD - 0.01, [])
    assert not is_blurry(FRAME_THRESHOLD + 0.01, [])


def test_a_blurred_runner_before_a_sharp_background_is_blurry() -> None:
    assert is_blurry(0.9, [face(0.3, BLURRED), face(0.05, SHARP)])


def test_a_sharp_runner_before_a_panned_background_is_sharp() -> None:
    assert not is_blurry(0.0, [face(0.3, SHARP), face(0.05, BLURRED)])


def test_one_sharp_subject_of_several_is_enough() -> None:
    assert not is_blurry(0.5, [face(0.3, BLURRED), face(0.25, SHARP)])
